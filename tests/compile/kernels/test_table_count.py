# SPDX-License-Identifier: Apache-2.0
"""Counting by tables: what is in them, and which channels are counted so. (Counts themselves: test_integer_dot.py.)"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tvm import tirx

from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.kernels.context import Context, Parameters
from biisnet.compile.kernels.simd import Simd
from biisnet.compile.kernels.table_count import counts_by_tables, pair_tables
from biisnet.targets.cores import CORTEX_A72, GENERIC, X86_64_V3, Core

from . import draw as d


@given(rng=d.generators(), channels=st.integers(1, 5))
def test_tables_hold_both_counts(rng: np.random.Generator, channels: int) -> None:
    """Fails where a table's byte is not the counts of a pair's two channels for the bits of its place."""
    inverted, counted = (rng.random((channels, 2, 1, 3, 8)) < 0.5 for _ in range(2))
    tables = pair_tables(inverted, counted).view(np.uint8)
    assert tables.shape == (-(-channels // 2), 2, 1, 3, 2, 16)
    for o, plane, kx, half, place in np.ndindex(channels, 2, 3, 2, 16):
        bits = [place >> b & 1 for b in range(4)]
        weights = inverted[o, plane, 0, kx, 4 * half :][:4]
        expected = sum(
            b != w for b, w, c in zip(bits, weights, counted[o, plane, 0, kx, 4 * half :], strict=False) if c
        )
        assert tables[o // 2, plane, 0, kx, half, place] >> 4 * (o % 2) & 15 == expected


def test_a_missing_channel_counts_nothing() -> None:
    """Fails where the last of an odd number of channels shares its tables with noise."""
    every = np.ones((1, 1, 1, 1, 8), bool)
    assert (pair_tables(every, every).view(np.uint8) <= 4).all()


@pytest.mark.parametrize(
    ("core", "lanes", "first", "count", "expected"),
    [
        (X86_64_V3, 32, 0, 4, True),
        (X86_64_V3, 64, 2, 2, True),
        (X86_64_V3, 32, 1, 4, False),
        (X86_64_V3, 32, 0, 3, False),
        (X86_64_V3, 16, 0, 4, False),
        (X86_64_V3, 1, 0, 4, False),
        (CORTEX_A72, 32, 0, 4, False),
        (GENERIC, 32, 0, 4, False),
    ],
)
def test_which_are_counted_so(core: Core, lanes: int, first: int, count: int, expected: bool) -> None:
    """Fails where channels are paired that share no table, or vectors are looked up that are too short."""
    ctx = Context(Simd(lanes), Parameters(), {}, 1, 1, Schedule(), core)
    turn = tirx.Var("turn", "int32")
    channels = [turn * 8 + first + i for i in range(count)]
    assert counts_by_tables(ctx, channels) is expected
    assert not counts_by_tables(ctx, [turn + i for i in range(count)])
