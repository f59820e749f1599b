# SPDX-License-Identifier: Apache-2.0
"""Intervals: the extremes over all inputs, found by trying all inputs."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.quantise import intervals
from biisnet.ops import REGISTRY

BYTE = st.integers(-128, 127)
ALL = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 1, 256)


@given(BYTE, BYTE)
@settings(max_examples=60, deadline=None)
def test_slopes(n: int, p: int) -> None:
    constants = [np.array([c], np.int8) for c in (n, p)]
    y = REGISTRY["IntegerTwoSlope"].reference(ALL, *constants)
    low, high = intervals.slope_ends(*constants)
    assert (low[0], high[0]) == (y.min(), y.max())


@given(BYTE, BYTE, BYTE, st.integers(1, 400))
@settings(max_examples=80, deadline=None)
def test_hinges(a: int, b: int, k: int, taps: int) -> None:
    """Of a count of so many taps: its extremes and the hinge's."""
    constants = [np.array([c], np.int8) for c in (a, b, k)]
    least, most = intervals.count_ends(2 * taps)
    assert (least, most) == (max(-taps, -128), min(taps, 127))
    counts = np.arange(least, most + 1).astype(np.int8).reshape(1, 1, 1, -1)
    y = REGISTRY["IntegerHinge"].reference(counts, *constants)
    low, high = intervals.hinge_ends(*constants, least, most)
    assert (low[0], high[0]) == (y.min(), y.max())


@given(st.lists(BYTE, min_size=3, max_size=3), st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_convolutions(weights: list[int], zero: int) -> None:
    """Three taps, each black, white, or padded."""
    w = np.array(weights, np.int8).reshape(1, 1, 1, 3)
    sums = [
        sum(x * y for x, y in zip(weights, taps, strict=True))
        for taps in itertools.product([-zero, 0, 255 - zero], repeat=3)
    ]
    low, high = intervals.convolution_ends(w, zero)
    assert (low[0], high[0]) == (min(sums), max(sums))


def test_halves() -> None:
    low, high = np.array([-1, -2, -4]), np.array([1, 20, 400])
    (a, b), (c, d) = intervals.halves((low, high))
    assert (a[0], b[0], c[0], d[0]) == (-1, 1, -6, 420)
