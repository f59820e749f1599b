# SPDX-License-Identifier: Apache-2.0
"""Integer sums: hinges, slopes, pools, interpolation and the embedding, requantised, exactly as numpy has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import (
    IntegerAdd,
    IntegerConvolution,
    IntegerHinge,
    IntegerMix,
    IntegerPool,
    IntegerTwoSlope,
    IntegerUpsample,
    Load,
    Requantize,
    TileChannels,
)
from biisnet.compile.quantise import intervals
from biisnet.compile.storage import Integer, Planes
from biisnet.compile.storage.integer import CENTRE

from . import draw as d
from .conftest import Check
from .device import Case
from .integers import BYTE, WORD, around, int8s, requantized
from .test_convolution import geometries


def held(name: str, channels: int, height: int, width: int, margin: str = "none") -> Buffer:
    """A map of int8."""
    return Buffer(name, name, channels, height, width, Integer(), Planes(margin))


@st.composite
def pointwise(draw: st.DrawFn) -> Case:
    """A hinge and slopes of two maps, one of them perhaps several times."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    n, times = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((1, 1, 2)))
    a, b = held("a", n, height, width), held("b", n * times, height, width)
    maps = {x.name: int8s(rng, (x.channels, height, width)) for x in (a, b)}
    c = n * times
    first: Expr = TileChannels(c, Load(n, a)) if times > 1 else Load(n, a)
    most = 60
    hinge = IntegerHinge(c, first, int8s(rng, c, most), int8s(rng, c, most), int8s(rng, c))
    slopes = IntegerTwoSlope(c, Load(c, b), int8s(rng, c), int8s(rng, c))
    return draw(requantized(IntegerAdd(c, hinge, slopes), height, width, maps, 128 * (2 * (most + 1) + 128)))


@st.composite
def pools(draw: st.DrawFn) -> Case:
    """Even and odd sizes, down to one pixel of result."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    rows, columns = 2 * height + draw(st.integers(0, 1)), 2 * width + draw(st.integers(0, 1))
    n = draw(st.sampled_from(d.CHANNELS))
    e = IntegerPool(n, held("in", n, rows, columns), int8s(rng, n, 62), int8s(rng, n, 62))
    return draw(requantized(e, height, width, {"in": int8s(rng, (n, rows, columns))}, 4 * 128 * 63))


@st.composite
def upsamples(draw: st.DrawFn) -> Case:
    """Twice any size."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    n = draw(st.sampled_from(d.CHANNELS))
    e = IntegerUpsample(n, held("in", n, height, width, "edge"))
    return draw(around(e, 2 * height, 2 * width, {"in": int8s(rng, (n, height, width))}))


@st.composite
def embeddings(draw: st.DrawFn) -> Case:
    """Any geometry over centred grey levels, the zero point anywhere."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    window, rows, columns = draw(geometries(height, width))
    n, inputs = draw(st.sampled_from((1, 3, 8, 9))), draw(st.integers(1, 2))
    buffer = Buffer("in", "in", inputs, rows, columns, Integer("int8", CENTRE), Planes("zero"))
    most = max(min(120 // (inputs * window.kernel[0] * window.kernel[1]) - 1, 127), 0)
    weight = int8s(rng, (n, inputs, *window.kernel), most)
    e = IntegerConvolution(n, buffer, weight, window, draw(st.sampled_from((-128, 0, 127))))
    maps = {"in": rng.integers(-128, 128, (inputs, rows, columns)).astype(np.int8)}
    low, high = e.extent()
    return draw(requantized(e, height, width, maps, int(max(-low.min(), high.max()))))


@st.composite
def mixes(draw: st.DrawFn) -> Case:
    """All channels into one, saturating; each half fits as the proof has them, the first with its constant."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    n = draw(st.sampled_from(d.CHANNELS))
    slopes = [int8s(rng, n, max(min(255 // (n - n // 2) - 1, 127), 0)) for _ in range(2)]
    (low, high), _ = intervals.halves(intervals.slope_ends(*slopes))
    room = (int(WORD.min - low[0]), int(WORD.max - high[0]))
    bias = rng.choice([*room, int(rng.integers(*room, endpoint=True))], 1).astype(np.int16)
    e = IntegerMix(1, held("in", n, height, width), *slopes, bias)
    out = [Buffer("out", "value", 1, height, width, Integer("int16"))]
    return Case(Stage.of("case", ("case",), (e,), out), {"in": int8s(rng, (n, height, width))})


def fullest_mix(channels: int, value: int) -> Case:
    """A map of nothing but `value`, and the largest constant of its sign that the proof lets pass."""
    slopes = np.full(channels, 255 // max(channels, 2), np.int8)
    (low, high), _ = intervals.halves(intervals.slope_ends(slopes, slopes))
    bias = WORD.max - high if value > 0 else WORD.min - low
    e = IntegerMix(1, held("in", channels, 2, 5), slopes, slopes, bias.astype(np.int16))
    out = [Buffer("out", "value", 1, 2, 5, Integer("int16"))]
    return Case(Stage.of("case", ("case",), (e,), out), {"in": np.full((channels, 2, 5), value, np.int8)})


CASES = st.one_of(pointwise(), pools(), upsamples(), embeddings(), mixes())


@pytest.mark.parametrize("kind", [pointwise, pools, upsamples, embeddings, mixes])
def test_host(on_host: Check, kind: type) -> None:
    """Fails where a single number differs from numpy's."""

    @d.BATCH
    @given(cases=d.batches(kind(), 8))
    def holds(cases: list[Case]) -> None:
        on_host(cases)

    holds()


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(CASES, 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's instructions (narrowing shifts, halving additions) differ."""
    on_both(cases)


def test_shift_to_16_bits(on_host: Check) -> None:
    """Fails where the shift is left out of a sum that 16 bits hold."""
    rng, cases = np.random.default_rng(0), []
    for shift in (0, 1, 15):
        slopes = IntegerTwoSlope(9, Load(9, held("in", 9, 2, 37)), int8s(rng, 9), int8s(rng, 9))
        e = Requantize(9, slopes, rng.integers(-9, 10, 9).astype(np.int16), shift, 16)
        out = [Buffer("out", "value", 9, 2, 37, Integer("int16"))]
        cases.append(Case(Stage.of("case", ("case",), (e,), out), {"in": int8s(rng, (9, 2, 37))}))
    on_host(cases)


@pytest.mark.parametrize("channels", [1, 2, 3, 9])
def test_halves_that_are_full(on_host: Check, channels: int) -> None:
    """Fails where the kernel adds up another half of the channels than the proof does, and wraps."""
    on_host([fullest_mix(channels, value) for value in (BYTE.min, BYTE.max)])


@given(values=st.lists(st.integers(-128, 127), min_size=4, max_size=4))
def test_extents(values: list[int]) -> None:
    """Fails where a value of any int8 is outside of what the extent says, or the extent is wider than needed."""
    n, p, k, b = (np.array([v], np.int8) for v in values)
    x = np.arange(-128, 128, dtype=np.int64)
    ends = (np.array([BYTE.min], np.int64), np.array([BYTE.max], np.int64))
    e = Load(1, held("in", 1, 1, 1))
    slopes = np.where(x < 0, int(n[0]), int(p[0])) * x
    hinge = int(n[0]) * x + int(b[0]) * np.maximum(x, int(k[0]))
    for kind, found in ((IntegerTwoSlope(1, e, n, p), slopes), (IntegerHinge(1, e, n, b, k), hinge)):
        low, high = kind.extent(ends)
        assert (int(low[0]), int(high[0])) == (found.min(), found.max())
