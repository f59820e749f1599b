# SPDX-License-Identifier: Apache-2.0
"""The cycle model: blocks read, disassembled and priced; the same figures every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from biisnet.targets import cycles, resolve
from biisnet.targets.device_cost import DeviceCost
from biisnet.targets.toolchain import ToolchainError, zig

RPI4 = resolve("rpi4")
FMLA, EOR, CNT, RET = "4e22cc20", "6e221c20", "4e205820", "d65f03c0"
BRANCH, SVC = "14000001", "d4000001"


def test_records(llvm: None) -> None:
    """Fails where executions or the cache's traffic is counted wrong."""
    text = f"B 1000 10 {FMLA * 4} 20 7 3\nB 2000 5 {EOR} 1 0 0\n"
    profile = cycles.read_profile(text, RPI4)
    assert profile.instructions == 45
    assert [(b.address, b.executions, len(b.listing)) for b in profile.blocks] == [(0x1000, 10, 4), (0x2000, 5, 1)]
    counted = sum(b.executions * b.cycles for b in profile.blocks)
    assert profile.cost == DeviceCost.of(RPI4, counted, 21, (7 + 3) * 64)
    assert profile.cost.seconds is not None
    without = cycles.read_profile(f"B 1000 10 {FMLA * 4}\nB 2000 5 {EOR}\n", RPI4)
    assert without.cost == DeviceCost(pytest.approx(counted))


def test_functions(llvm: None) -> None:
    """Fails where a block goes to the function after its own."""
    blocks = [f"B 1000 1 {FMLA}{RET}", f"B 1ff8 1 {FMLA}{RET}", f"B 2000 1 {FMLA}{RET}"]
    functions = [(0x1000, "first"), (0x2000, "second")]
    profile = cycles.read_profile("\n".join(blocks), RPI4)
    found = cycles.by_symbol(profile, functions)
    assert list(found) == ["first", "second"]
    assert found["first"].cycles == 2 * found["second"].cycles
    assert found["first"].l1d_misses is None
    moved = "\n".join(f"{b} {n} {n} 1" for n, b in enumerate(blocks, 1))
    found = cycles.by_symbol(cycles.read_profile(moved, RPI4), functions)
    assert (found["first"].l1d_misses, found["first"].dram_bytes) == (1 + 2, 64 * (1 + 2 + 2))
    assert (found["second"].l1d_misses, found["second"].dram_bytes) == (3, 64 * (3 + 1))


def test_a_function_that_misses_nothing(llvm: None) -> None:
    """Fails where none of what was counted is taken for not counted."""
    text = f"B 1000 1 {FMLA}{RET} 0 0 0\nB 2000 1 {FMLA}{RET} 2 1 0\n"
    found = cycles.by_symbol(cycles.read_profile(text, RPI4), [(0x1000, "first"), (0x2000, "second")])
    assert (found["first"].l1d_misses, found["first"].dram_bytes) == (0, 0)


@pytest.mark.emulator
def test_a_runner_costs_the_same_every_time(
    emulated: None, llvm: None, tiny_bundle: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where the region of interest is not found, or anything depends on the machine: its load, its environment,
    where it has put the stack."""
    bundle = tiny_bundle("rpi4")
    image = bundle / "golden" / "image.f32"
    command = [bundle / "bin" / "biisnet-run", "--roi", "--raw", "24x20", image]
    first = cycles.measure(command, RPI4, cache=True)
    monkeypatch.setenv("BIISNET_TEST", "x" * 5000)
    second = cycles.measure(command, RPI4, cache=True)
    assert first == second
    assert 100 < first.cost.cycles / (24 * 20) < 10_000
    assert first.cost.l1d_misses
    assert first.cost.dram_bytes is not None
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
    assert cycles.measure([program], RPI4, env={"BIISNET_TEST": "1"}).cost.cycles > 0
    with pytest.raises(ToolchainError, match="program failed"):
        cycles.measure([program], RPI4)


def test_caches_are_those_of_the_core() -> None:
    """Fails where another core's caches are modelled, or unknown ones are made up."""
    assert cycles.cache_arguments(RPI4) == ",l1=32768:2,l2=1048576:16"
    assert cycles.cache_arguments(resolve("rpi3")) == ",l1=32768:4,l2=524288:16"
    assert cycles.cache_arguments(replace(RPI4, cpu="generic")) == ""


LINES = 4096
WALK = f"""
#include <sys/prctl.h>
#include <stdint.h>
static _Alignas(64) volatile uint8_t map[64 * {LINES}];
int main(void) {{
    for (int i = 0; i < {LINES}; i++) map[64 * i] = 1;
    prctl(0x41373201, 0);
    for (int i = 0; i < {LINES}; i++) map[64 * i]++;
    prctl(0x41373202, 0);
    return 0;
}}
"""


@pytest.mark.emulator
def test_what_misses(emulated: None, llvm: None, tmp_path: Path) -> None:
    """A map of 256 KB that lies in the second level: every line of it misses the first, none travels from DRAM. Fails
    where lines are counted twice, or traffic is of another function."""
    (tmp_path / "walk.c").write_text(WALK)
    zig(["cc", "-Os", *RPI4.zig("musl"), "-static", "-o", "walk", "walk.c"], tmp_path)
    cost = cycles.measure([tmp_path / "walk"], RPI4, cache=True).cost
    assert cost.l1d_misses is not None
    assert LINES <= cost.l1d_misses <= LINES + 8
    assert cost.dram_bytes is not None
    assert cost.dram_bytes <= 8 * 64
    assert cost == DeviceCost.of(RPI4, cost.cycles, cost.l1d_misses, cost.dram_bytes)
    assert cycles.measure([tmp_path / "walk"], replace(RPI4, cpu="generic"), cache=True).cost.l1d_misses is None
