# SPDX-License-Identifier: Apache-2.0
"""The cycle model: blocks read, disassembled and priced; the same figures every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from biisnet.targets import cycles, resolve
from biisnet.targets.toolchain import ToolchainError, zig

RPI4 = resolve("rpi4")
FMLA, EOR, CNT, RET = "4e22cc20", "6e221c20", "4e205820", "d65f03c0"
BRANCH, SVC = "14000001", "d4000001"


def test_records(llvm: None) -> None:
    """Fails where executions or the cache's traffic is counted wrong."""
    text = f"B 1000 10 {FMLA * 4}\nB 2000 5 {EOR}\nM 100 20 7 3\n"
    profile = cycles.read_profile(text, RPI4)
    assert profile.instructions == 45
    assert profile.dram_bytes == (7 + 3) * 64
    assert [(b.address, b.executions, len(b.listing)) for b in profile.blocks] == [(0x1000, 10, 4), (0x2000, 5, 1)]
    assert profile.cycles == pytest.approx(sum(b.executions * b.cycles for b in profile.blocks))
    assert cycles.read_profile(text.rsplit("M", 1)[0], RPI4).dram_bytes is None


def test_functions(llvm: None) -> None:
    """Fails where a block goes to the function after its own."""
    profile = cycles.read_profile(f"B 1000 1 {FMLA}{RET}\nB 1ff8 1 {FMLA}{RET}\nB 2000 1 {FMLA}{RET}\n", RPI4)
    found = cycles.by_symbol(profile, [(0x1000, "first"), (0x2000, "second")])
    assert list(found) == ["first", "second"]
    assert found["first"] == 2 * found["second"]


@pytest.mark.emulator
def test_a_runner_costs_the_same_every_time(
    emulated: None, llvm: None, tiny_bundle: Callable[[str], Path], tmp_path: Path
) -> None:
    """Fails where the region of interest is not found, or depends on the machine's load."""
    bundle = tiny_bundle("rpi4")
    image = bundle / "golden" / "image.f32"
    command = [bundle / "bin" / "biisnet-run", "--roi", "--raw", "24x20", image]
    first, second = (cycles.measure(command, RPI4, cache=True) for _ in range(2))
    assert first.cycles == second.cycles
    assert first.instructions == second.instructions
    assert 100 < first.cycles / (24 * 20) < 10_000
    assert first.dram_bytes is not None
    whole = cycles.measure([arg for arg in command if arg != "--roi"], RPI4)
    assert whole.instructions > first.instructions


@pytest.mark.emulator
def test_a_program_that_fails(emulated: None, llvm: None, tiny_bundle: Callable[[str], Path]) -> None:
    """Fails where its message is lost."""
    runner = tiny_bundle("rpi4") / "bin" / "biisnet-run"
    with pytest.raises(ToolchainError, match=r"nothing\.png"):
        cycles.measure([runner, "--roi", "nothing.png"], RPI4)


@pytest.mark.emulator
def test_a_program_has_the_environment_that_is_given(emulated: None, llvm: None, tmp_path: Path) -> None:
    """Fails where `env` does not reach the program."""
    program = tmp_path / "program"
    (tmp_path / "program.c").write_text(
        '#include <stdlib.h>\nint main(void) { return getenv("BIISNET_TEST") == NULL; }\n'
    )
    zig(["cc", "-Os", *RPI4.zig("musl"), "-static", "-o", program, "program.c"], tmp_path)
    assert cycles.measure([program], RPI4, env={"BIISNET_TEST": "1"}).cycles > 0
    with pytest.raises(ToolchainError, match="program failed"):
        cycles.measure([program], RPI4)


def test_caches_are_those_of_the_core() -> None:
    """Fails where another core's caches are modelled, or unknown ones are made up."""
    assert cycles.cache_arguments(RPI4) == ",l1=32768:2,l2=1048576:16"
    assert cycles.cache_arguments(resolve("rpi3")) == ",l1=32768:4,l2=524288:16"
    with pytest.raises(ToolchainError, match="caches of generic are not known"):
        cycles.cache_arguments(replace(RPI4, cpu="generic"))
