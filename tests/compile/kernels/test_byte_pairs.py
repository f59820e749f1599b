# SPDX-License-Identifier: Apache-2.0
"""Sums by products of pairs of bytes: never saturated on the way, and equal to numpy's whatever the constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import IntegerHinge, IntegerTwoSlope, Load, Requantize
from biisnet.compile.kernels.byte_pairs import excess, factors
from biisnet.compile.storage import Integer, Planes

from . import draw as d
from .conftest import Check
from .device import Case
from .integers import forced
from .test_integer_sums import held, pointwise, upsamples

X = np.arange(-128, 128)


@given(slope=st.integers(-128, 127), bend=st.integers(-255, 255), knee=st.integers(-128, 127))
@example(slope=-127, bend=-2, knee=50)
@example(slope=64, bend=64, knee=0)
@example(slope=64, bend=65, knee=0)
@example(slope=-128, bend=255, knee=0)
@example(slope=-128, bend=0, knee=0)
def test_no_pair_saturates(slope: int, bend: int, knee: int) -> None:
    """Fails where a pair's sum leaves int16 for some int8, or all of them are not the line and its excess."""
    line = tuple(np.array([v], np.int64) for v in (slope, bend, knee))
    total = np.zeros(256, np.int64)
    for words in factors(*line):
        low, high = words.view(np.int8)  # little-endian: the factor of x first
        products = int(low) * (X + 128) + int(high) * np.maximum(X + 128, knee + 128)
        assert -(1 << 15) <= products.min() <= products.max() < 1 << 15
        total += products
    expected = slope * X + bend * np.maximum(X, knee)
    assert (total == expected + excess(line[0], line[1])).all()


def test_one_pair_where_it_fits() -> None:
    """Fails where the usual constants take three products instead of one, or one channel's are forgotten."""
    one, two = np.array([-127, -90]), np.array([127, 60])
    assert len(factors(one, two, np.array([-35, 16]))) == 1
    assert len(factors(np.array([-127, 100]), two, np.array([-35, 16]))) == 3


@pytest.mark.parametrize("outer", ["columns", "channels"])
@pytest.mark.parametrize("kind", [pointwise, upsamples])
def test_two_vectors(on_host: Check, kind: type, outer: str) -> None:
    """Fails where sums of two vectors of columns, in pair order on some cores, come out in another order of columns."""

    @d.BATCH
    @given(cases=d.batches(kind(), 8))
    def holds(cases: list[Case]) -> None:
        on_host(cases, schedules=forced(Schedule(2, vectors=2, outer=outer)))

    holds()


def extreme(kind: str, shift: int) -> Case:
    """Constants at their ends, as far as their sums fit int16, of every int8."""
    ends = np.array([(a, b, k) for a in (-128, -1, 127) for b in (-128, 1, 127) for k in (-128, 0, 127)], np.int8)

    def lines(constants: d.Array) -> IntegerHinge | IntegerTwoSlope:
        n, (first, second, knee) = len(constants), constants.T
        part = Load(n, held("in", n, 4, 64))
        if kind == "hinge":
            return IntegerHinge(n, part, first, second, knee)
        return IntegerTwoSlope(n, part, first, second)

    every = np.full(len(ends), 128)
    low, high = lines(ends).extent((-every, every - 1))
    fitting = ends[(low >= -(1 << 15)) & (high < 1 << 15)]
    e, n = lines(fitting), len(fitting)
    assert n > 8
    x = np.broadcast_to(X.astype(np.int8).reshape(4, 64), (n, 4, 64)).copy()
    out = [Buffer("out", "value", n, 4, 64, Integer(), Planes())]
    return Case(Stage.of("case", ("case",), (Requantize(n, e, np.zeros(n, np.int16), shift),), out), {"in": x})


def test_extreme_lines(on_host: Check) -> None:
    """Fails where a single int8 comes out wrong of constants that take more than one pair."""
    cases = [extreme(kind, shift) for kind in ("hinge", "slopes") for shift in (0, 1, 8)]
    on_host(cases, schedules=forced(Schedule(2, vectors=2)))
