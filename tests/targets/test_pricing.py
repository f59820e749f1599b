# SPDX-License-Identifier: Apache-2.0
"""Pricing: blocks disassembled, joined and priced."""

from __future__ import annotations

import pytest

from biisnet.targets import pricing, resolve

RPI4 = resolve("rpi4")
FMLA, EOR, CNT, RET = "4e22cc20", "6e221c20", "4e205820", "d65f03c0"
UDOT, FNEG_HALVES = "6e829420", "6ef8f800"
BRANCH, SVC = "14000001", "d4000001"


def test_disassembly(llvm: None) -> None:
    """Fails where a word's bytes are taken in the other order, or blocks run into each other."""
    found = pricing.disassemble([[FMLA, EOR], [CNT]])
    assert [[line.split()[0] for line in block] for block in found] == [["fmla", "eor"], ["cnt"]]


def test_what_a_cortex_a76_has(llvm: None) -> None:
    """Fails where code for a core of Armv8.2 with its dot product and half precision cannot be read, as LLVM makes it
    of integers too."""
    found = pricing.disassemble([[UDOT, FNEG_HALVES]])
    assert [line.split()[0] for line in found[0]] == ["udot", "fneg"]
    assert pricing.price(found, resolve("rpi5"))[0] > 0


def test_prices(llvm: None) -> None:
    """Fails where a block of independent instructions does not cost what the core's pipes allow."""
    float_block = [f"fmla v{i}.4s, v30.4s, v31.4s" for i in range(16)]
    bit_block = [f"eor v{i}.16b, v30.16b, v31.16b" for i in range(16)]
    floats, bits = pricing.price([float_block, bit_block], RPI4)
    assert floats == pytest.approx(16, rel=0.05)  # two slots each, two slots a cycle
    assert bits == pytest.approx(8, rel=0.1)


def test_what_llvm_mca_does_not_take(llvm: None) -> None:
    """Fails where a far branch or a system call stops the pricing."""
    listings = pricing.disassemble([[BRANCH], [SVC], [RET]])
    assert len(pricing.price(listings, RPI4)) == 3


def blocks(*each: tuple[int, int, str]) -> list[pricing.BasicBlock]:
    """Blocks of (address, executions, instructions)."""
    return [pricing.BasicBlock(address, n, tuple(code.split("; ")), 0.0) for address, n, code in each]


def by_address(found: list[pricing.BasicBlock]) -> list[pricing.BasicBlock]:
    """In the order that they lie in memory."""
    return sorted(found, key=lambda b: b.address)


def test_a_loop_that_is_cut_is_whole_again() -> None:
    """Fails where a loop costs other cycles where the emulator cuts it: once entered from above, nine times its own."""
    whole = blocks((0x0FF0, 1, "mov x0, x1; add x1, x1, #1; add x2, x2, #1; add x3, x3, #1; add x4, x4, #1; b.ne #-16"))
    whole += blocks((0x0FF4, 9, "add x1, x1, #1; add x2, x2, #1; add x3, x3, #1; add x4, x4, #1; b.ne #-16"))
    cut = blocks(
        (0x0FF0, 1, "mov x0, x1; add x1, x1, #1; add x2, x2, #1; add x3, x3, #1"),
        (0x0FF4, 9, "add x1, x1, #1; add x2, x2, #1; add x3, x3, #1"),
        (0x1000, 10, "add x4, x4, #1; b.ne #-16"),
    )
    program = blocks(
        (0x0FF0, 1, "mov x0, x1"),
        (0x0FF4, 10, "add x1, x1, #1; add x2, x2, #1; add x3, x3, #1; add x4, x4, #1; b.ne #-16"),
    )
    for counted in (cut, whole, [*reversed(cut)]):
        assert by_address(pricing.rejoin(counted)) == program


def test_a_block_begins_where_a_branch_arrives() -> None:
    """Fails where executions that came by a branch are lost, or counted twice."""
    found = by_address(pricing.rejoin(blocks((0x1000, 3, "nop; nop; nop; ret"), (0x1008, 2, "nop; ret"))))
    assert found == blocks((0x1000, 3, "nop; nop"), (0x1008, 5, "nop; ret"))


def test_the_block_of_the_most_instructions_comes_first() -> None:
    found = pricing.rejoin(blocks((0x1000, 3, "nop; ret"), (0x2000, 5, "nop; nop; ret"), (0x3000, 6, "ret")))
    assert [b.address for b in found] == [0x2000, 0x1000, 0x3000]


def test_other_code_at_the_same_address() -> None:
    """Fails where two libraries that were loaded one after the other are taken for one."""
    found = pricing.rejoin(blocks((0x1000, 3, "nop"), (0x1000, 4, "ret")))
    assert sorted((b.executions, b.listing) for b in found) == [(3, ("nop",)), (4, ("ret",))]


def test_a_block_cut_twice() -> None:
    """Fails where only two pieces are put together."""
    found = pricing.rejoin(blocks((0x1000, 7, "nop; nop"), (0x1008, 7, "nop"), (0x100C, 7, "ret")))
    assert found == blocks((0x1000, 7, "nop; nop; nop; ret"))


@pytest.mark.parametrize("last", ["b #8", "b.eq #8", "cbz x0, #8", "tbnz w1, #3, #8", "bl #64", "br x1", "ret"])
def test_a_branch_ends_a_block(last: str) -> None:
    """Fails where what is behind a branch is priced with it, though it may never run there."""
    found = blocks((0x1000, 2, f"nop; {last}"), (0x1008, 2, "nop; ret"))
    assert pricing.rejoin(found) == found
