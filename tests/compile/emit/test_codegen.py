# SPDX-License-Identifier: Apache-2.0
"""The machine code for the Raspberry Pi 4, as llvm-objdump reads it: bit counts, no calls, nothing of TVM."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.ir.plan import Plan
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import BinaryDot, Convolution, HingeAdd, ScaleShift, TwoSlope, TwoSlopeAdd
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.targets import resolve

SIZE = (256, 256)
ARCHIVE = "lib/libbiisnet_model.a"
OBJDUMP = next((path for name in ("llvm-objdump-19", "llvm-objdump") if (path := shutil.which(name))), None)
VECTORS = 4  # of float32 in the 16 pixels of a step
BLOCK = 8  # channels that are counted together


@pytest.fixture(scope="session")
def objdump() -> Callable[..., str]:
    """`objdump("-d", file)`: its output. Skips where llvm-objdump is missing, fails in CI."""
    missing = "no llvm-objdump here: apt-get install llvm-19"
    if OBJDUMP is None:
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)

    def run(*arguments: str | Path) -> str:
        return subprocess.run([OBJDUMP, *map(str, arguments)], check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture(scope="module")
def bundle(shipped_bundle: Callable[[str], Path]) -> Path:
    """The default network at 256x256 for the Raspberry Pi 4."""
    return shipped_bundle("rpi4")


@pytest.fixture(scope="module")
def library(bundle: Path) -> Path:
    return bundle / "lib" / "libbiisnet_model.so"


@pytest.fixture(scope="module")
def stages(shipped: OnnxModel) -> dict[str, Stage]:
    """Kernel's name -> a stage that it computes."""
    plan: Plan = make_plan(shipped, SIZE, resolve("rpi4"), Progress(PLAN_STEPS, lambda _: None, None), DEFAULT)
    return {step.kernel: step.stage for step in plan.kernels.steps}


@pytest.fixture(scope="module")
def kernels(objdump: Callable[..., str], bundle: Path) -> dict[str, Counter[str]]:
    """Kernel's name -> how often each instruction stands in it (`cnt.16b`: with the vector's arrangement)."""
    found: dict[str, Counter[str]] = {}
    name = ""
    for line in kernels_member(objdump("-d", "--no-show-raw-insn", bundle / ARCHIVE)).splitlines():
        if label := re.fullmatch(r"[0-9a-f]+ <(\w+)>:", line):
            name = label[1]
            found[name] = Counter()
        elif code := re.match(r"\s+[0-9a-f]+:\s+(\w[\w.]*)\s*(?:v\d+(\.\w+))?", line):
            found[name][code[1] + (code[2] or "")] += 1
    return {name: counts for name, counts in found.items() if counts and not name.startswith("__")}


def kernels_member(text: str) -> str:
    """What llvm-objdump says of the archive's kernels.o."""
    (member,) = (part for part in re.split(r"\S*libbiisnet_model\.a\(", text) if part.startswith("kernels.o)"))
    return member


def floating(counts: Counter[str]) -> int:
    """Floating-point multiplications."""
    return sum(n for code, n in counts.items() if re.match(r"fn?m(ul|add|sub|la|ls)", code))


def test_every_stage_is_a_kernel(kernels: dict[str, Counter[str]], stages: dict[str, Stage]) -> None:
    assert set(kernels) == set(stages)
    binary = [name for name in stages if name.startswith("bn_binary_dot_")]
    assert len(binary) >= 3  # 16, 32 and 64 channels


def test_binary_convolutions_count_bits(kernels: dict[str, Counter[str]], stages: dict[str, Stage]) -> None:
    """One `eor` and one `cnt` of sixteen bytes for each byte of a tap, for each channel of a block; planes are a loop,
    or unrolled in part."""
    checked = 0
    for name, stage in stages.items():
        dots = [e for e in stage.expressions() if isinstance(e, BinaryDot)]
        assert bool(dots) == name.startswith("bn_binary_dot_")
        counted = kernels[name]["cnt.16b"]
        assert kernels[name]["eor.16b"] == counted, name
        assert sum(n for code, n in kernels[name].items() if code.startswith("cnt")) == counted, name
        for e in dots:
            plane = BLOCK * e.window.kernel[0] * e.window.kernel[1]
            assert counted % plane == 0, name
            assert plane <= counted <= plane * e.planes, name
        checked += bool(dots)
    assert checked


def test_nothing_falls_back_to_float(kernels: dict[str, Counter[str]], stages: dict[str, Stage]) -> None:
    """The floating-point work of a binary convolution's output is that of its epilogue: a product for each
    per-channel constant, however many channels are summed over."""
    for name, stage in stages.items():
        expressions = list(stage.expressions())
        if not any(isinstance(e, BinaryDot) for e in expressions):
            continue
        assert not any(isinstance(e, Convolution) for e in expressions)
        products = {ScaleShift: 1, TwoSlope: 2, TwoSlopeAdd: 2, HingeAdd: 2}
        epilogue = sum(products.get(type(e), 0) for e in expressions)
        taps = next(e.signs[0].size for e in expressions if isinstance(e, BinaryDot))
        assert floating(kernels[name]) <= BLOCK * VECTORS * epilogue < BLOCK * VECTORS * taps, name


def test_kernels_call_nothing(objdump: Callable[..., str], kernels: dict[str, Counter[str]], bundle: Path) -> None:
    """No call, and no symbol that somebody else would have to provide."""
    for name, counts in kernels.items():
        assert not counts["bl"], name
        assert not counts["blr"], name
    table = kernels_member(objdump("-t", bundle / ARCHIVE))
    assert "bn_binary_dot_c16_w256" in table
    assert re.findall(r"\*UND\*.*?(\w+)$", table, re.MULTILINE) == []


def test_the_library_needs_libc_only(objdump: Callable[..., str], library: Path) -> None:
    """libc, libm and pthreads, no version of a symbol newer than glibc 2.28, and nothing exported but the ABI."""
    needed = set(re.findall(r"NEEDED\s+(\S+)", objdump("-p", library)))
    assert needed <= {"libc.so.6", "libm.so.6", "libpthread.so.0"}
    table = [line for line in objdump("-T", library).splitlines() if re.match(r"[0-9a-f]{16} ", line)]
    undefined = [line for line in table if "*UND*" in line]
    versions = {v for line in undefined for v in re.findall(r"GLIBC_([0-9.]+)", line)}
    assert versions
    assert all(tuple(map(int, v.split("."))) <= (2, 28) for v in versions)
    unversioned = {line.split()[-1] for line in undefined if "GLIBC" not in line}
    assert unversioned <= {"__cxa_finalize", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"}
    names = {line.split()[-1] for line in undefined}
    plain_c = r"(pthread_|__|_ITM_|mem|str|sig)\w+|free|posix_memalign|getpid"
    assert [name for name in names if not re.fullmatch(plain_c, name)] == []
    exported = [line.split()[-1] for line in table if "*UND*" not in line]
    assert len(exported) > 10
    assert [name for name in exported if not name.startswith("biisnet_")] == []


def test_the_library_is_small_and_has_nothing_of_tvm(
    objdump: Callable[..., str], library: Path, kernels: dict[str, Counter[str]]
) -> None:
    """Stripped, under 300 KB, its code the kernels' code."""
    assert library.stat().st_size < 300_000
    assert "SYMBOL TABLE:\n\n" in objdump("-t", library) + "\n"
    data = library.read_bytes()
    assert b"tvm" not in data.lower()
    code = objdump("-d", "--no-show-raw-insn", library)
    assert len(re.findall(r"\tcnt\tv\d+\.16b", code)) == sum(k["cnt.16b"] for k in kernels.values()) > 0


def test_the_runner_is_static(objdump: Callable[..., str], bundle: Path) -> None:
    headers = objdump("-p", bundle / "bin" / "biisnet-run")
    assert "LOAD" in headers
    assert "NEEDED" not in headers
    assert "INTERP" not in headers
