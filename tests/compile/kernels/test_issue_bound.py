# SPDX-License-Identifier: Apache-2.0
"""The slot bound against hand-counted instructions."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import BinaryDot, Clamp, HingeAdd, Load, ScaleShift, TwoSlopeAdd, issue_bound

ONES = np.ones(16, np.float32)


def dot(inputs: int) -> BinaryDot:
    """3x3, 16 outputs."""
    bits = Buffer("x", "x", inputs, 8, 64, "bits", "zero")
    return BinaryDot(16, bits, np.ones((16, inputs, 3, 3), bool), Window((3, 3), pads=(1, 1, 1, 1)), 1, 2, 384)


@pytest.mark.parametrize(("inputs", "count"), [(8, 3 * 9 - 1), (16, 3 * 18 - 1), (32, 3 * 36 - 2)])
def test_binary_convolution(inputs: int, count: int) -> None:
    """eor, cnt, add for each byte of a tap, the first of a chunk not added; then 8 instructions into words."""
    chunks = 2 if inputs == 32 else 1  # 36 bytes of taps do not fit a byte's count
    assert issue_bound.of_expression(dot(inputs)) == count + 2 * chunks + 8


def test_block() -> None:
    """A Binary Block's epilogue, by vectors of 4 pixels: bend 1+2+2, slopes 1+1+2+2, sign 1+1."""
    residual = Buffer("r", "r", 16, 8, 64)
    bend = HingeAdd(16, dot(16), Load(16, residual), ONES, ONES, ONES)
    out = [Buffer("b", "y", 16, 8, 64, "bits", "zero"), Buffer("m", "y", 16, 8, 64)]
    stage = Stage("y", (), out, [(bend,), (TwoSlopeAdd(16, bend, Load(16, residual), ONES, ONES),)])
    a_channel = (53 + 2 + 8) + 4 * 5 + 4 * 6 + 4 * 2
    assert issue_bound.bound(stage) == 16 * a_channel / 2 * 8 * (64 // 16)


def test_clamp() -> None:
    """Two comparisons and two selections, by vectors of 4 pixels."""
    assert issue_bound.of_expression(Clamp(16, Load(16, Buffer("r", "r", 16, 8, 64)), ONES, ONES)) == 4 * (
        2 * 2 + 2 * 1
    )


def test_floats_are_dearer_than_integers() -> None:
    """A sign of what may be -0.0 needs a floating-point comparison."""
    x = ScaleShift(16, Load(16, Buffer("r", "r", 16, 8, 64)), ONES, ONES)
    assert issue_bound.of_bits(x) > issue_bound.of_bits(HingeAdd(16, dot(16), x, ONES, ONES, ONES))
