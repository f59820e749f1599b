# SPDX-License-Identifier: Apache-2.0
"""The rows that a call of a kernel whose lanes are channels had best compute.

A block's weights are fetched for each band anew, so that few bands are better; what a band reads is read again for each
block, so that it had best stay in the first-level cache beside a block's weights; and longer bands make longer rings.
"""

from __future__ import annotations

from ..ir.buffers import Operand
from ..storage.encoding import BLOCK

BANDS = (1, 2, 4, 8)
FETCHED = 1 << 16
"""Bytes of weights that all bands of a map may fetch from the second-level cache: a thousand lines."""
NEAR = 3 << 13
"""Bytes of a band's rows and a block's weights that the first-level cache keeps: three quarters of 32 KB."""


def suitable_band(operand: Operand, channels: int, channel_bytes: int, height: int) -> int:
    """Rows of a convolution of so many channels, whose weights are so many bytes each, by blocks of 8 channels."""

    def is_near(band: int) -> bool:
        rows = (band - 1) * abs(operand.mul) + (operand.count - 1) * operand.step + 1
        return rows * operand.buffer.row_bytes + BLOCK * channel_bytes <= NEAR

    fits = [n for n in BANDS if n == 1 or (n < 2 * height and is_near(n))]
    return next((n for n in fits if -(-height // n) * channels * channel_bytes <= FETCHED), fits[-1])


def longest_band(operand: Operand, share: float, height: int) -> int:
    """The most rows whose windows' rows, of each such a share of it, stay near: for kernels of few weights."""

    def is_near(band: int) -> bool:
        rows = (band - 1) * abs(operand.mul) + (operand.count - 1) * operand.step + 1
        return rows * operand.buffer.row_bytes * share <= NEAR

    return max((n for n in BANDS if n < 2 * height and is_near(n)), default=1)
