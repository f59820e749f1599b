# SPDX-License-Identifier: Apache-2.0
"""Compiles the C runtime around a small hand-written plan (plan.c), whose meaning in numpy is `reference`."""

import hashlib
import json
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from biisnet.compile.ir.memory import instance_bytes
from biisnet.runtime import sources
from biisnet.runtime.bundle import SUMS, sums_text
from biisnet.targets.toolchain import find_zig

HERE = Path(__file__).parent
HEIGHT, WIDTH = 13, 9
DEFINES = (f"-DPLAN_HEIGHT={HEIGHT}", f"-DPLAN_WIDTH={WIDTH}")
INCLUDES = tuple(f"-I{folder}" for folder in (*sources.INCLUDE_DIRS, sources.ROOT / "runner"))
PLAN = HERE / "plan.c"
INTEGER_PLAN = HERE / "integer_plan.c"
ZIG = (str(find_zig()), "cc")
GCC = shutil.which("gcc")
HOST_CC = (GCC,) if GCC else ZIG
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all") if GCC else ()
ARM_SHARED = ("-target", "aarch64-linux-gnu.2.28")
ARM_STATIC = ("-target", "aarch64-linux-musl", "-static", "-s")
EMULATOR = ("qemu-aarch64", "-cpu", "cortex-a72")
NO_EMULATOR = shutil.which(EMULATOR[0]) is None
NO_EMULATOR_REASON = "qemu-aarch64 is not installed (Debian: qemu-user)"

Floats = npt.NDArray[np.float32]
Edit = Callable[[dict[str, Any]], object]

# Constants and layouts of plan.c: where its maps lie when each stage runs for itself, and where replicated constants.
RADIUS, STRIDE = 2, 2  # what it calls its receptive field, though more is in it
STAGES = ["blur", "box", "half", "total", "up", "join"]
SHA256 = 4 * "0123456789abcdef"
BLUR_FLOATS = np.array([0.125], np.float32)
BOX_FLOATS = np.array([0.125, 0.5], np.float32)
BOX_WORDS = np.array([7, -300, 260], np.int16)
BOX_BYTES = np.array([1, 2, 0, 255, 3], np.uint8)
JOIN_FLOATS = np.array([-14, 0.03125], np.float32)
TOTAL_FLOATS = np.array([0.0009765625], np.float32)
HALF = max(HEIGHT // 2, 1)


def _end(start: int, rows: int, channels: int = 1) -> int:
    return start + -(-rows * channels * WIDTH * 4 // 64) * 64


BLUR_CONSTANTS = _end(0, 1)
BOX_CONSTANTS = BLUR_CONSTANTS + 64
JOIN_CONSTANTS = BOX_CONSTANTS + 64 + 64 + 128
TOTAL_CONSTANTS = JOIN_CONSTANTS + 64
BOX = TOTAL_CONSTANTS + 64
MEAN = _end(BOX, HEIGHT, 2)
MOST = _end(MEAN, HALF)
TOTAL = _end(MOST, HALF)
BLUR = _end(TOTAL, 1)
UP = _end(BLUR, HEIGHT)
MAPS_BYTES = _end(UP, HEIGHT)
INSTANCE = instance_bytes(8, 6, [HEIGHT * WIDTH * 4])
ARENA_BYTES = _end(_end(BLUR, 3), 3) + INSTANCE


# Of integer_plan.c.
INTEGER_SHA256 = 4 * "fedcba9876543210"
INTEGER_STAGES = ["sums", "around", "edges"]
INTEGER_SCALE = 0.00390625
INTEGER_BIAS = -700


def _integer_arena() -> int:
    row, ring = (-(-rows * WIDTH * 2 // 64) * 64 for rows in (1, min(HEIGHT, 3)))
    return row + 64 + ring + row + instance_bytes(4, 3, [HEIGHT * WIDTH])


INTEGER_ARENA_BYTES = _integer_arena()


def compile_c(output: Path, files: tuple[Path, ...], *flags: str, compiler: tuple[str, ...] = HOST_CC) -> Path:
    """Compiles and links C files with the runtime's own flags; a warning is an error."""
    command = [*compiler, *sources.CFLAGS, *INCLUDES, *DEFINES, *flags, *map(str, files), "-o", str(output)]
    done = subprocess.run([*command, *sources.LIBS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


def write_bundle(root: Path, built: Path, edit: Edit | None = None, runner: Path | None = None) -> Path:
    """A bundle for this machine around the small plan; `edit` changes the manifest before it is written."""
    shutil.rmtree(root, ignore_errors=True)
    files = {"lib/libbiisnet_model.so": built, **({"bin/biisnet-run": runner} if runner else {})}
    for name, file in files.items():
        (root / name).parent.mkdir(parents=True)
        shutil.copy(file, root / name)
    arch = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    shape = [1, 1, HEIGHT, WIDTH]
    manifest: dict[str, Any] = {
        "schema": 3,
        "abi": 3,
        "task": "detection",
        "model": {"name": "tiny", "sha256": SHA256, "weights": "random", "seed": 0},
        "inputs": [{"name": "grey", "dtype": "float32", "shape": shape, "meaning": "image"}],
        "outputs": [{"name": "probability", "dtype": "float32", "shape": shape, "meaning": "probability"}],
        "threshold": 0.5,
        "target": {"name": "host", "triple": "", "cpu": "", "arch": arch, "features": []},
        "glibc": "2.28",
        "arena_bytes": ARENA_BYTES,
        "files": {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in files},
    }
    if edit:
        edit(manifest)
    (root / "manifest.json").write_text(json.dumps(manifest))
    (root / SUMS).write_text(sums_text(root, manifest.get("files", {})))
    return root


def of_integers(manifest: dict[str, Any]) -> None:
    """The manifest of the plan of integers."""
    manifest["model"].update(name="edges", sha256=INTEGER_SHA256)
    manifest["inputs"][0].update(name="image", dtype="uint8")
    manifest["outputs"][0].update(name="logit", dtype="int16", meaning="logit", scale=INTEGER_SCALE)
    manifest.update(arena_bytes=INTEGER_ARENA_BYTES, receptive_field={"radius": 1, "stride": 1})


def run(*command: str | Path) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([str(word) for word in command], capture_output=True)


def refused(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The message of a run that ended as errors should: exit code 2, one line, nothing from a sanitizer."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2, (done.returncode, lines)
    assert len(lines) == 1, lines
    assert lines[0].startswith("biisnet-run: "), lines
    return lines[0]


def integer_reference(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """The plan of integer_plan.c in numpy: grey [H, W] -> logits [H, W]."""
    height, width = grey.shape
    padded = np.pad(grey, 1, mode="edge").astype(np.int64)
    around = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3))
    return (9 * grey.astype(np.int64) - around + INTEGER_BIAS).astype(np.int16)


def reference(grey: Floats) -> dict[str, Floats]:
    """The plan of plan.c in numpy: grey [H, W] -> the maps of every stage."""
    height, width = grey.shape

    def sum_3x3(rows: Floats) -> Floats:
        padded = np.pad(rows, 1)
        return np.sum([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], 0, np.float32)

    blur = BLUR_FLOATS[0] * sum_3x3(grey)
    box = BOX_FLOATS[0] * sum_3x3(blur) + np.float32(BOX_WORDS.sum())
    pixel = BOX_FLOATS[1] * blur + np.float32((BOX_BYTES * np.arange(1, 6)).sum() / 16)
    half = max(height // 2, 1)
    first = 2 * np.arange(half)
    second = np.minimum(first + 1, height - 1)
    mean = np.float32(0.5) * (box[first] + box[second])
    most = np.maximum(pixel[first], pixel[second])
    total = TOTAL_FLOATS[0] * (most.sum(0) - grey.max(0))
    y = np.arange(height)
    near, far = (np.clip(rows, 0, half - 1) for rows in (y // 2, y // 2 + np.where(y % 2, 1, -1)))
    up = np.float32(0.75) * mean[near] + np.float32(0.25) * mean[far]
    above, below = np.pad(up, ((1, 0), (0, 0)))[:-1], np.pad(up, ((0, 1), (0, 0)))[1:]
    window = np.float32(0.25) * above + np.float32(0.5) * up + np.float32(0.25) * below
    slope = (y / np.float32(1024))[:, None]
    z = JOIN_FLOATS[0] + JOIN_FLOATS[1] * (window + most[near] + box) + total + slope
    probability = np.float32(0.5) * (1 + z / (1 + np.abs(z)))
    maps = {"blur": blur, "box": np.stack([box, pixel], 1), "mean": mean, "most": most, "total": total, "up": up}
    return {name: value.astype(np.float32) for name, value in (maps | {"probability": probability}).items()}
