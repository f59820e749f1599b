# SPDX-License-Identifier: Apache-2.0
"""The issue bound against hand-counted instructions."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import BinaryDot, ChannelDot, Clamp, HingeAdd, Load, MaxPool, TwoSlopeAdd
from biisnet.compile.kernels.issue_bound import issue_bound
from biisnet.compile.storage import Bits, Interleaved, Planes
from biisnet.targets.cores import CORTEX_A72, CORTEX_A76, GENERIC, Core, Issue

ONES = np.ones(16, np.float32)
ISSUE = Issue(per_cycle=2, integer=1, float=2, interleave=3)
"""The Cortex-A72's, as the hand counts below are."""


def dot(inputs: int) -> BinaryDot:
    """3x3, 16 outputs."""
    bits = Buffer("x", "x", inputs, 8, 64, Bits(), Planes("zero"))
    return BinaryDot(16, bits, np.ones((16, inputs, 3, 3), bool), Window((3, 3), pads=(1, 1, 1, 1)), 1, 2, 384)


def block() -> Stage:
    """A Binary Block: its accumulator bent onto a residual, signs of that, and slopes of it onto the residual."""
    residual = Buffer("r", "r", 16, 8, 64)
    bend = HingeAdd(16, dot(16), Load(16, residual), ONES, ONES, ONES)
    out = [Buffer("b", "y", 16, 8, 64, Bits(), Planes("zero")), Buffer("m", "y", 16, 8, 64)]
    return Stage("y", (), out, [(bend,), (TwoSlopeAdd(16, bend, Load(16, residual), ONES, ONES),)])


def test_the_counts_are_of_the_cortex_a72() -> None:
    assert CORTEX_A72.issue == ISSUE


@pytest.mark.parametrize(("inputs", "count"), [(8, 3 * 9 - 1), (16, 3 * 18 - 1), (32, 3 * 36 - 2)])
def test_binary_convolution(inputs: int, count: int) -> None:
    """eor, cnt, add for each byte of a tap, the first of a chunk not added; then 8 instructions into words."""
    chunks = 2 if inputs == 32 else 1  # 36 bytes of taps do not fit a byte's count
    assert dot(inputs).slots(ISSUE) == count + 2 * chunks + 8


def test_block() -> None:
    """A Binary Block's epilogue, by vectors of 4 pixels: bend 1+2+2, slopes 1+1+2+2, sign 1+1."""
    a_channel = (53 + 2 + 8) + 4 * 5 + 4 * 6 + 4 * 2
    assert issue_bound(block(), CORTEX_A72) == 16 * a_channel / 2 * 8 * (64 // 16)


def test_a_row_of_less_than_a_vector() -> None:
    """Fails where a kernel that computes it pixel by pixel does better than the bound."""

    def of_width(width: int) -> float:
        residual = Buffer("r", "r", 16, 8, width)
        bend = HingeAdd(16, Load(16, residual), Load(16, residual), ONES, ONES, ONES)
        return issue_bound(Stage.of("y", (), (bend,), [Buffer("m", "y", 16, 8, width)]), CORTEX_A72) or 0

    assert of_width(1) == of_width(16) / 16
    assert of_width(17) == 2 * of_width(16)


def test_vectors_of_channels() -> None:
    """Fails where a row that fills no vector of pixels is counted as if it did: for 8 outputs 1.5 instructions a byte
    of a tap, then 4 into words."""
    bits = Buffer("x", "x", 64, 8, 7, Bits(), Interleaved(left=1, right=1))
    e = ChannelDot(16, bits, np.ones((16, 64, 3, 3), bool), Window((3, 3), pads=(1, 1, 1, 1)), 1, 2)
    stage = Stage.of("y", (), (e,), [Buffer("y", "y", 16, 8, 7, layout=Interleaved(8))])
    a_pixel = (3 * 72 // 2 + 4) * (16 // 8)
    assert issue_bound(stage, CORTEX_A72) == a_pixel / 2 * 8 * 7


def test_it_is_of_the_core() -> None:
    """Fails where another core's slots, pipes or lanes are not what is counted."""
    slow = Core("slow", issue=Issue(per_cycle=1, integer=1, float=2, interleave=3))
    wide = Core("wide", lanes=32, issue=ISSUE)
    once = issue_bound(block(), CORTEX_A72)
    assert once is not None
    assert issue_bound(block(), slow) == 2 * once
    assert issue_bound(block(), wide) == once / 2
    dear = Core("dear", issue=Issue(per_cycle=2, integer=1, float=3, interleave=3))
    assert issue_bound(block(), dear) == once + 16 * 4 * (2 + 2) / 2 * 8 * (64 // 16)  # bend's and the slopes' floats


@pytest.mark.parametrize("core", [GENERIC, CORTEX_A76], ids=lambda core: core.name)
def test_nothing_is_said_of_other_cores(core: Core) -> None:
    """Fails where a core whose issue slots are not known gets another one's bound."""
    assert core.issue is None
    assert issue_bound(block(), core) is None


def test_clamp() -> None:
    """Two comparisons and two selections, by vectors of 4 pixels."""
    clamp = Clamp(16, Load(16, Buffer("r", "r", 16, 8, 64)), ONES, ONES)
    assert clamp.slots(ISSUE) == 4 * (2 * 2 + 2 * 1)


@pytest.mark.parametrize(
    ("window", "count"),
    [
        (Window((3, 3), (2, 2)), 6 * 2 + 2 * 3),  # of two columns the rows, then three columns; even and odd apart
        (Window((3, 3)), 4 * 2),
        (Window((2, 2), (2, 2)), 3 * 2 + 2 * 3),
        (Window((2, 1), (2, 4)), 1 * 2 + 1 * 3),
        (Window((1, 1)), 0),
    ],
)
def test_max_pool(window: Window, count: int) -> None:
    """Comparisons of rows and columns, by vectors of 4 pixels."""
    assert MaxPool(16, Buffer("r", "r", 16, 8, 64), window).slots(ISSUE) == 4 * count
