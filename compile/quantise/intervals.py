# SPDX-License-Identifier: Apache-2.0
"""Intervals: the least and the largest value of what the integer operators add up, exact, over all inputs.

All are int64 [C] pairs. An int8 map may have any value of a byte; a grey level any of 0 .. 255.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..ir.sums import halves as channel_halves

I64 = npt.NDArray[np.int64]
Interval = tuple[I64, I64]

LOW, HIGH = -128, 127
"""Ends of a stored map."""


def slope_ends(n: npt.NDArray[np.integer], p: npt.NDArray[np.integer]) -> Interval:
    """Of IntegerTwoSlope of any int8, slopes [C]: at the ends of a byte and at 0."""
    ends = np.stack([n.astype(np.int64) * LOW, 0 * n.astype(np.int64), p.astype(np.int64) * HIGH])
    return ends.min(0), ends.max(0)


def hinge_ends(
    a: npt.NDArray[np.integer], b: npt.NDArray[np.integer], k: npt.NDArray[np.integer], low: int, high: int
) -> Interval:
    """Of IntegerHinge of integers from `low` to `high`, constants [C]: at the ends and at the knee."""
    a, b, k = (v.astype(np.int64) for v in (a, b, k))
    at = np.stack([np.full_like(k, low), np.full_like(k, high), np.clip(k, low, high)])
    ends = a * at + b * np.maximum(at, k)
    return ends.min(0), ends.max(0)


def count_ends(taps: int) -> tuple[int, int]:
    """Of IntegerBinaryConv2d with so many taps an output: half of them, in a byte."""
    return max(-(taps // 2), LOW), min(taps // 2, HIGH)


def convolution_ends(w: npt.NDArray[np.integer], zero_point: int) -> Interval:
    """Of ConvInteger of grey levels, weights [M, C, kh, kw]. A padded tap is the zero point, and within."""
    w = w.astype(np.int64).reshape(len(w), -1)
    at = np.stack([w * (0 - zero_point), w * (255 - zero_point)])
    return at.min(0).sum(1), at.max(0).sum(1)


def halves(ends: Interval) -> tuple[Interval, Interval]:
    """Of the sums over the first half of the channels, and over the others: [1] each."""
    low, high = ends
    first, second = ((low[part].sum(keepdims=True), high[part].sum(keepdims=True)) for part in channel_halves(len(low)))
    return first, second
