# SPDX-License-Identifier: Apache-2.0
"""The cycle model: blocks read, disassembled and priced; the same figures every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from biisnet.targets import cycles, resolve
from biisnet.targets.toolchain import ToolchainError, zig

RPI4 = resolve("rpi4")
FMLA, EOR, CNT, RET = "4e22cc20", "6e221c20", "4e205820", "d65f03c0"
BRANCH, SVC = "14000001", "d4000001"


def test_disassembly(llvm: None) -> None:
    """Fails where a word's bytes are taken in the other order, or blocks run into each other."""
    found = cycles.disassemble([[FMLA, EOR], [CNT]])
    assert [[line.split()[0] for line in block] for block in found] == [["fmla", "eor"], ["cnt"]]


def test_prices(llvm: None) -> None:
    """Fails where a block of independent instructions does not cost what the core's pipes allow."""
    float_block = [f"fmla v{i}.4s, v30.4s, v31.4s" for i in range(16)]
    bit_block = [f"eor v{i}.16b, v30.16b, v31.16b" for i in range(16)]
    floats, bits = cycles.price([float_block, bit_block], RPI4)
    assert floats == pytest.approx(16, rel=0.05)  # two slots each, two slots a cycle
    assert bits == pytest.approx(8, rel=0.1)


def test_what_llvm_mca_does_not_take(llvm: None) -> None:
    """Fails where a far branch or a system call stops the pricing."""
    listings = cycles.disassemble([[BRANCH], [SVC], [RET]])
    assert len(cycles.price(listings, RPI4)) == 3


def test_records(llvm: None) -> None:
    """Fails where executions or the cache's traffic is counted wrong."""
    text = f"B 1000 10 {FMLA * 4}\nB 2000 5 {EOR}\nM 100 20 7 3\n"
    profile = cycles.read_profile(text, RPI4)
    assert profile.instructions == 45
    assert profile.dram_bytes == (7 + 3) * 64
    assert [(b.address, b.executions, len(b.listing)) for b in profile.blocks] == [(0x1000, 10, 4), (0x2000, 5, 1)]
    assert profile.cycles == pytest.approx(sum(b.executions * b.cycles for b in profile.blocks))
    assert cycles.read_profile(text.rsplit("M", 1)[0], RPI4).dram_bytes is None


def blocks(*each: tuple[int, int, str]) -> list[cycles.Block]:
    """Blocks of (address, executions, instructions)."""
    return [cycles.Block(address, n, tuple(code.split("; ")), 0.0) for address, n, code in each]


def test_a_loop_that_is_cut_is_whole_again() -> None:
    """Fails where a loop costs other cycles where the emulator cuts it: once entered from above, nine times its own."""
    whole = blocks((0x0FF0, 1, "mov x0, x1; add x1, x1, #1; add x2, x2, #1; add x3, x3, #1; add x4, x4, #1; b.ne #-16"))
    whole += blocks((0x0FF4, 9, "add x1, x1, #1; add x2, x2, #1; add x3, x3, #1; add x4, x4, #1; b.ne #-16"))
    cut = blocks(
        (0x0FF0, 1, "mov x0, x1; add x1, x1, #1; add x2, x2, #1; add x3, x3, #1"),
        (0x0FF4, 9, "add x1, x1, #1; add x2, x2, #1; add x3, x3, #1"),
        (0x1000, 10, "add x4, x4, #1; b.ne #-16"),
    )
    assert sorted(cycles.rejoin(cut), key=lambda b: b.address) == whole
    assert sorted(cycles.rejoin(whole), key=lambda b: b.address) == whole


def test_what_is_jumped_to_as_well_is_a_block_of_its_own_too() -> None:
    """Fails where executions that came by a branch are lost, or counted twice."""
    found = cycles.rejoin(blocks((0x1000, 3, "nop; nop"), (0x1008, 5, "nop; ret")))
    assert found == blocks((0x1000, 3, "nop; nop; nop; ret"), (0x1008, 2, "nop; ret"))


def test_a_block_cut_twice() -> None:
    """Fails where only two pieces are put together."""
    found = cycles.rejoin(blocks((0x1000, 7, "nop; nop"), (0x1008, 7, "nop"), (0x100C, 7, "ret")))
    assert found == blocks((0x1000, 7, "nop; nop; nop; ret"))


@pytest.mark.parametrize("last", ["b #8", "b.eq #8", "cbz x0, #8", "tbnz w1, #3, #8", "bl #64", "br x1", "ret"])
def test_a_branch_ends_a_block(last: str) -> None:
    """Fails where what is behind a branch is priced with it, though it may never run there."""
    found = blocks((0x1000, 2, f"nop; {last}"), (0x1008, 2, "nop; ret"))
    assert cycles.rejoin(found) == found


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
