# SPDX-License-Identifier: Apache-2.0
"""IntegerDot: counts of int8, equal without exception, for every padding, channel count, tile and schedule."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import IntegerDot
from biisnet.compile.storage import Integer, IntegerBits, Margin, Planes

from . import draw as d
from .conftest import Check
from .device import Case
from .integers import around, forced
from .test_convolution import geometries

# groups, channels of a group of the map, outputs of a group, tile: tile * channels is even
SHAPES = ((1, 8, 8, 1), (1, 8, 8, 2), (1, 16, 9, 2), (1, 2, 5, 1), (1, 6, 9, 1), (1, 3, 5, 2), (1, 12, 8, 2))
SHAPES += ((1, 11, 5, 2), (1, 8, 8, 3), (1, 4, 3, 3))
SHAPES += ((2, 8, 8, 1), (2, 2, 4, 1), (3, 4, 3, 1), (4, 2, 2, 1), (1, 24, 16, 1))
PLAIN_3X3 = Window((3, 3), pads=(1, 1, 1, 1))


def dot(
    rng: np.random.Generator,
    shape: tuple[int, int, int, int],
    rows: int,
    columns: int,
    window: Window,
    halves: bool,
) -> tuple[IntegerDot, d.Array]:
    """A binary convolution of random bits, and the map that it reads, in bytes or halves of bytes."""
    groups, inputs, outputs, tile = shape
    margin: Margin = "zero" if any(window.pads) else "none"
    buffer = Buffer("in", "in", groups * inputs, rows, columns, IntegerBits(groups, halves=halves), Planes(margin))
    signs = rng.random((groups * outputs, tile * inputs, *window.kernel)) < rng.choice([0, 0.5, 0.5, 1])
    bits = rng.random((groups * inputs, rows, columns)) < rng.choice([0, 0.5, 0.5, 1])
    return IntegerDot(groups * outputs, buffer, signs, window, tile), bits


@st.composite
def dots(draw: st.DrawFn) -> Case:
    """Any geometry, few taps."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    window, rows, columns = draw(geometries(height, width))
    e, bits = dot(rng, draw(st.sampled_from(SHAPES)), rows, columns, window, draw(st.booleans()))
    return draw(around(e, height, width, {"in": bits}))


@d.BATCH
@given(cases=d.batches(dots(), 10))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a single count is off by one."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(dots(), 4))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's bit counts differ."""
    on_both(cases)


def plain(widths: tuple[int, ...]) -> list[Case]:
    """3x3 with one pixel of padding, of more channels than a chunk holds, every other one of halves of bytes."""
    cases = []
    for n, (width, shape) in enumerate(product(widths, ((1, 40, 17, 1), (1, 32, 9, 2), (1, 20, 8, 2)))):
        e, bits = dot(np.random.default_rng(n), shape, 3, width, PLAIN_3X3, n % 2 > 0)
        out = [Buffer("sum", "sum", e.channels, 3, width, Integer(), Planes("edge"))]
        cases.append(Case(Stage.of("case", ("case",), (e,), out), {"in": bits}))
    return cases


def test_odd_chunks(on_host: Check) -> None:
    """Fails where halves are lost: chunks of an odd number of terms, or of weights under padding."""
    cases = []
    for n, (size, shape) in enumerate(product((3, 5, 7), ((1, 3, 2, 2), (1, 11, 2, 2), (1, 8, 2, 2)))):
        window = Window((size, size), pads=(size // 2,) * 4)
        e, bits = dot(np.random.default_rng(n), shape, 9, 40, window, n % 2 > 0)
        out = [Buffer("sum", "sum", e.channels, 9, 40, Integer(), Planes("none"))]
        cases.append(Case(Stage.of("case", ("case",), (e,), out), {"in": bits}))
    on_host(cases)


@pytest.mark.parametrize("outer", ["columns", "channels"])
@pytest.mark.parametrize("vectors", [1, 2])
@pytest.mark.parametrize(("counted", "unrolled"), [(8, 1), (4, 2), (2, 4)])
def test_schedules(on_host: Check, outer: str, vectors: int, counted: int, unrolled: int) -> None:
    """Fails where a result depends on the schedule, at widths around whole vectors."""
    on_host(plain((1, 31, 33, 48)), schedules=forced(Schedule(2, counted, unrolled, vectors, outer)))


@pytest.mark.parametrize("inverted", [False, True])
def test_all_bits_differ(on_host: Check, inverted: bool) -> None:
    """Fails where the largest counts overflow: every bit of every tap is unlike, or like, its weight."""
    cases = plain((16, 17, 32))
    for case in cases:
        ((e,),) = case.stage.results
        assert isinstance(e, IntegerDot)
        e.signs[:] = True
        case.maps["in"][:] = inverted
    on_host(cases)


def test_extent_by_hand() -> None:
    """Fails where the extent is narrower than all bits alike, or unlike, can give."""
    for channels, expected in ((2, (-1, 1)), (254, (-127, 127)), (300, (-128, 127))):
        buffer = Buffer("in", "in", channels, 1, 1, IntegerBits())
        low, high = IntegerDot(1, buffer, np.ones((1, channels, 1, 1), bool), Window((1, 1))).extent()
        assert (int(low[0]), int(high[0])) == expected
