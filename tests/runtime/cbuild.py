"""Compiles the C runtime around a small hand-written plan (plan.c), whose meaning in numpy is `reference`."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from biisnet.runtime import sources

HERE = Path(__file__).parent
HEIGHT, WIDTH = 13, 9
DEFINES = (f"-DPLAN_HEIGHT={HEIGHT}", f"-DPLAN_WIDTH={WIDTH}")
INCLUDES = tuple(f"-I{folder}" for folder in (*sources.INCLUDE_DIRS, sources.ROOT / "src" / "run"))
PLAN = HERE / "plan.c"
ZIG = (sys.executable, "-m", "ziglang", "cc")
GCC = shutil.which("gcc")
HOST_CC = (GCC,) if GCC else ZIG
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all") if GCC else ()
ARM_SHARED = ("-target", "aarch64-linux-gnu.2.28", "-mcpu=cortex_a72")
ARM_STATIC = ("-target", "aarch64-linux-musl", "-mcpu=cortex_a72", "-static", "-s")
EMULATOR = ("qemu-aarch64", "-cpu", "cortex-a72")
NO_EMULATOR = shutil.which(EMULATOR[0]) is None
NO_EMULATOR_REASON = "qemu-aarch64 is not installed (Debian: qemu-user)"

Floats = npt.NDArray[np.float32]


def compile_c(
    output: Path, files: tuple[Path, ...], *flags: str, compiler: tuple[str, ...] = HOST_CC
) -> Path:
    """Compiles and links C files with the runtime's own flags; a warning is an error."""
    command = [*compiler, *sources.CFLAGS, *INCLUDES, *DEFINES, *flags, *map(str, files), "-o", str(output)]
    done = subprocess.run([*command, *sources.LIBS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


def run(*command: str | Path) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([str(word) for word in command], capture_output=True)


def refused(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The message of a run that ended as errors should: exit code 2, one line, nothing from a sanitizer."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2, (done.returncode, lines)
    assert len(lines) == 1, lines
    assert lines[0].startswith("biisnet-run: "), lines
    return lines[0]


def reference(grey: Floats) -> dict[str, Floats]:
    """The plan of plan.c in numpy: grey [H, W] -> the maps of every stage."""
    height, width = grey.shape
    padded = np.pad(grey, 1)
    total = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3))
    box, pixel = np.float32(0.125) * total, np.float32(0.5) * grey
    first = np.arange(0, height, 2)
    second = np.minimum(first + 1, height - 1)
    mean = np.float32(0.5) * (box[first] + box[second])
    most = np.maximum(pixel[first], pixel[second])
    y = np.arange(height)
    near = np.clip((y - 1) // 2, 0, len(first) - 1), np.clip((y - 1) // 2 + 1, 0, len(first) - 1)
    between = np.float32(0.5) * (mean[near[0]] + mean[near[1]])
    slope = (y / np.float32(1024))[:, None]
    z = np.float32(-20) + np.float32(0.03125) * (between + most[y // 2] + box) + slope
    probability = np.float32(0.5) * (1 + z / (1 + np.abs(z)))
    maps = {"box": np.stack([box, pixel], 1), "mean": mean, "most": most, "probability": probability}
    return {name: value.astype(np.float32) for name, value in maps.items()}
