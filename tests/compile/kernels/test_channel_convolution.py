# SPDX-License-Identifier: Apache-2.0
"""Convolutions and pooling by vectors of channels: of interleaved maps and of planes, any window, groups, epilogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import (
    Add,
    ChannelConvolution,
    ChannelDepthwise,
    ChannelLoad,
    ChannelMaxPool,
    ChannelPoolSum,
    Clamp,
    Load,
    ScaleShift,
    TwoSlope,
)
from biisnet.compile.kernels.channel_bands import BANDS, FETCHED, NEAR
from biisnet.compile.storage import Bits, Interleaved, Layout, Planes
from biisnet.targets.cores import GENERIC, Core

from . import draw as d
from .conftest import Check
from .device import Case, Fixed

WINDOWS = (
    Window((1, 1)),
    Window((1, 1), (2, 2)),
    Window((3, 3), (1, 1), (1, 1, 1, 1)),
    Window((3, 3), (2, 2), (1, 1, 1, 1)),
    Window((7, 7), (2, 2), (3, 3, 3, 3)),
    Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
    Window((2, 5), (1, 3), (1, 2, 0, 3)),
)
DENSE = ((1, 8, 8), (1, 3, 16), (1, 1, 8), (1, 24, 40), (2, 16, 8), (3, 4, 16), (2, 8, 8))
"""Groups, channels of a group, outputs of a group."""


def margins(window: Window, columns: int, width: int) -> dict[str, int]:
    """The columns beside a map that a window looks at."""
    reach = (width - 1) * window.strides[1] + (window.kernel[1] - 1) * window.dilations[1] - window.pads[1]
    return {"left": window.pads[1], "right": max(reach - (columns - 1), 0)}


@st.composite
def outputs(draw: st.DrawFn, channels: int, height: int, width: int) -> list[Buffer]:
    """Up to two stored forms of a map, in either layout, or the user's."""
    buffers = []
    for n in range(draw(st.integers(1, 2))):
        shape = (f"out{n}", "value", channels, height, width)
        sides = {"left": draw(st.integers(0, 2)), "right": draw(st.integers(0, 3))}
        form = draw(st.sampled_from(("bits", "float32", "float32", "external")))
        if form == "external":
            buffers.append(Buffer(*shape, external=n))
        elif form == "bits":
            buffers.append(Buffer(*shape, Bits(), draw(st.sampled_from((Interleaved(**sides), Planes("zero"))))))
        else:
            edge = Interleaved(8, **sides, edge=True)
            layouts = (Interleaved(8), Interleaved(8, **sides), edge, replace(edge, lanes=16), Planes(), Planes("edge"))
            buffers.append(Buffer(*shape, layout=draw(st.sampled_from(layouts))))
    return buffers


@st.composite
def around(draw: st.DrawFn, e: Expr, height: int, width: int, maps: dict[str, d.Array]) -> Case:
    """A stage that stores `e`, with an epilogue, in some forms."""
    rng, n = draw(d.generators()), e.channels
    a, b = d.constants(rng, n), d.constants(rng, n)
    kind = draw(st.sampled_from(("none", "scale", "two_slope", "clamp", "add")))
    if kind == "add":
        layout = draw(st.sampled_from((Interleaved(8), Planes())))
        maps["residual"] = d.plain_map(rng, (n, height, width))
        whole: Expr = Add(n, e, Load(n, Buffer("residual", "residual", n, height, width, layout=layout)))
    else:
        whole = {
            "none": lambda: e,
            "scale": lambda: ScaleShift(n, e, a, b),
            "two_slope": lambda: TwoSlope(n, e, a, b),
            "clamp": lambda: Clamp(n, e, -np.abs(a), np.abs(b)),
        }[kind]()
    return Case(Stage.of("case", ("case",), (whole,), draw(outputs(n, height, width))), maps)


def dense(
    rng: np.random.Generator, shape: tuple[int, int, int], size: tuple[int, int], window: Window, layout: Layout
) -> ChannelConvolution:
    """A convolution of random weights."""
    groups, inputs, outputs = shape
    buffer = Buffer("in", "in", groups * inputs, *size, layout=layout)
    weight = d.dyadic(rng, (groups * outputs, inputs, *window.kernel))
    return ChannelConvolution(groups * outputs, buffer, weight, d.constants(rng, groups * outputs), window, groups)


@st.composite
def convolutions(draw: st.DrawFn, fill: d.Maps = d.plain_map, most: int = 1 << 20) -> Case:
    """Any shape of at most so many taps, window and layout."""
    rng, (height, width), window = draw(d.generators()), *(draw(st.sampled_from(x)) for x in (d.CHANNEL_SIZES, WINDOWS))
    area = window.kernel[0] * window.kernel[1]
    shape = draw(st.sampled_from([x for x in DENSE if x[1] * area <= most]))
    size = d.input_size(window, height, width)
    height, width = window.output(*size)
    whole = shape[1] % 8 == 0 and draw(st.booleans())
    layout = Interleaved(8, **margins(window, size[1], width)) if whole else Planes("zero")
    e = dense(rng, shape, size, window, layout)
    return draw(around(e, height, width, {"in": fill(rng, (e.buffer.channels, *size))}))


@st.composite
def depthwise(draw: st.DrawFn, fill: d.Maps = d.plain_map) -> Case:
    """Any window."""
    rng, (height, width), window = draw(d.generators()), *(draw(st.sampled_from(x)) for x in (d.CHANNEL_SIZES, WINDOWS))
    size, channels = d.input_size(window, height, width), draw(st.sampled_from((8, 16, 40)))
    height, width = window.output(*size)
    layout = Interleaved(8, **margins(window, size[1], width), lanes=draw(st.sampled_from((1, 16))))
    weight, bias = d.dyadic(rng, (channels, 1, *window.kernel)), d.constants(rng, channels)
    e = ChannelDepthwise(channels, Buffer("in", "in", channels, *size, layout=layout), weight, bias, window, channels)
    return draw(around(e, height, width, {"in": fill(rng, (channels, *size))}))


FEW = 100
"""Taps, the sum of which, rounded at each, is within what `check` allows."""
POOLS = (
    Window((2, 2)),
    Window((2, 2), (2, 2)),
    Window((3, 3), (2, 2), (1, 1, 1, 1)),
    Window((3, 2), (1, 3), (0, 1, 2, 0)),
    Window((1, 5), (1, 1), (0, 2, 0, 2)),
)


@st.composite
def pools(draw: st.DrawFn, fill: d.Maps = d.special_map) -> Case:
    """The largest of any window, and the sum of 2x2, of a part of a map's channels."""
    rng, (height, width), window = draw(d.generators()), *(draw(st.sampled_from(x)) for x in (d.CHANNEL_SIZES, POOLS))
    channels, offset, is_sum = draw(st.sampled_from((8, 24))), draw(st.sampled_from((0, 8))), draw(st.booleans())
    window = Window((2, 2), (2, 2)) if is_sum else window
    size = d.input_size(window, height, width)
    height, width = window.output(*size)
    layout = Interleaved(8, **margins(window, size[1], width), edge=True)
    buffer = Buffer("in", "in", channels + offset, *size, layout=layout)
    e: Any = ChannelPoolSum(channels, buffer, offset) if is_sum else ChannelMaxPool(channels, buffer, window, offset)
    maps = {"in": (d.plain_map if is_sum else fill)(rng, (buffer.channels, *size))}
    return draw(around(e, height, width, maps))


@st.composite
def loads(draw: st.DrawFn) -> Case:
    """A part of a map's channels, in either layout, and nothing else."""
    rng, (height, width) = draw(d.generators()), draw(st.sampled_from(d.CHANNEL_SIZES))
    channels, offset = draw(st.sampled_from((8, 24))), draw(st.sampled_from((0, 8)))
    layout = draw(st.sampled_from((Interleaved(8), Interleaved(8, 1, 1, 16), Planes())))
    buffer = Buffer("in", "in", channels + offset, height, width, layout=layout)
    maps = {"in": d.plain_map(rng, (buffer.channels, height, width))}
    return draw(around(ChannelLoad(channels, buffer, offset), height, width, maps))


ANY = st.one_of(convolutions(), convolutions(), depthwise(), pools(), loads())


@d.BATCH
@given(cases=d.batches(ANY, 10), core=st.sampled_from((None, GENERIC, replace(GENERIC, takes_elements=False))))
def test_host(on_host: Check, cases: list[Case], core: Core | None) -> None:
    """Fails where a tap reads another pixel, channel or group, a padded one is not zero, or weights lie otherwise."""
    on_host(cases, core=core)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(ANY, 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's instructions give something else than their meaning."""
    on_both(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(st.one_of(convolutions(d.real_map, FEW), depthwise(d.real_map)), 6))
def test_any_numbers(on_both: Check, cases: list[Case]) -> None:
    """Fails where sums lose more than rounding errors, or the board rounds differently from this machine."""
    on_both(cases, exact=False)


def bare(e: Expr, height: int, width: int, **maps: d.Array) -> Case:
    """An expression and nothing else."""
    out = Buffer("y", "y", e.channels, height, width, layout=Interleaved(8))
    return Case(Stage.of("case", (), (e,), [out]), maps)


@pytest.mark.emulator
def test_fully_connected(on_both: Check) -> None:
    """Fails where the parts of a single pixel's sums are not added up: every input counts once."""
    cases = []
    for layout in (Interleaved(8), Planes()):
        e = dense(np.random.default_rng(0), (1, 72, 40), (1, 1), Window((1, 1)), layout)
        cases.append(bare(e, 1, 1, **{"in": d.plain_map(np.random.default_rng(1), (72, 1, 1))}))
    on_both(cases)


def test_the_user_s_own_rows(on_host: Check) -> None:
    """Fails where columns behind a row's end are read: of the user's map there are none."""
    rng = np.random.default_rng(0)
    cases = []
    for width in (1, 2, 3, 5, 8, 9):
        e = dense(rng, (1, 2, 8), (3, width), Window((1, 1)), Planes())
        external = replace(e, buffer=Buffer("in", "in", 2, 3, width, external=0))
        cases.append(bare(external, 3, width, **{"in": d.plain_map(rng, (2, 3, width))}))
    on_host(cases)


def test_special_values(on_host: Check) -> None:
    """Fails where NaN or an infinity does not spread over exactly the window's pixels (0 * inf is NaN)."""
    x = np.zeros((8, 5, 20), np.float32)
    x[0, 2, 3], x[5, 2, 12], x[7, 0, 19] = np.nan, np.inf, -np.inf
    window = Window((3, 3), pads=(1, 1, 1, 1))
    cases = []
    for layout in (Interleaved(8, 1, 1), Planes("zero")):
        e = dense(np.random.default_rng(0), (1, 8, 8), (5, 20), window, layout)
        cases.append(bare(e, 5, 20, **{"in": x}))
    on_host(cases)


def test_longest_windows(on_host: Check) -> None:
    """Fails where a window of many columns, which is a loop, does not compile, or reads other weights."""
    rng, size = np.random.default_rng(0), (12, 20)
    x, cases = {"in": d.plain_map(rng, (8, *size))}, []
    for window in (Window((1, 16), pads=(0, 8, 0, 7)), Window((12, 13), pads=(0, 6, 0, 6))):
        height, width = window.output(*size)
        layout = Interleaved(8, **margins(window, size[1], width))
        buffer = Buffer("in", "in", 8, *size, layout=layout)
        of_channel = ChannelDepthwise(8, buffer, d.dyadic(rng, (8, 1, *window.kernel)), d.constants(rng, 8), window, 8)
        pool = ChannelMaxPool(8, replace(buffer, layout=replace(layout, edge=True)), window)
        cases += [bare(e, height, width, **x) for e in (dense(rng, (1, 8, 8), size, window, layout), of_channel, pool)]
        planes = dense(rng, (1, 8, 8), size, window, Planes("zero"))
        cases.append(bare(planes, height, width, **x))
    on_host(cases)


@pytest.mark.parametrize("band", [1, 2, 8])
@pytest.mark.parametrize("pixels", [4, 8])
def test_schedules(on_host: Check, band: int, pixels: int) -> None:
    """Fails where what is computed depends on how it is blocked."""

    rng, window = np.random.default_rng(0), Window((3, 3), pads=(1, 1, 1, 1))
    x = {"in": d.plain_map(rng, (16, 5, 11))}
    layout = Interleaved(8, 1, 1)
    buffer = Buffer("in", "in", 16, 5, 11, layout=layout)
    of_channel = ChannelDepthwise(16, buffer, d.dyadic(rng, (16, 1, 3, 3)), d.constants(rng, 16), window, 16)
    pool = ChannelMaxPool(16, replace(buffer, layout=replace(layout, edge=True)), window)
    cases = [bare(e, 5, 11, **x) for e in (dense(rng, (1, 16, 16), (5, 11), window, layout), of_channel, pool)]
    on_host(cases, schedules=Fixed(band=band, pixels=pixels))


def test_weights_lie_once() -> None:
    """Fails where weights are spread, or padded."""
    for layout in (Interleaved(8), Planes()):
        e = dense(np.random.default_rng(0), (1, 16, 24), (3, 3), Window((3, 3)), layout)
        assert e.ordered_weights().nbytes == e.weight.nbytes


@pytest.mark.parametrize(
    ("channels", "size", "band"), [(64, 28, 2), (128, 14, 2), (256, 7, 2), (512, 1, 1), (16, 56, 2)]
)
def test_band(channels: int, size: int, band: int) -> None:
    """Fails where weights are fetched for every row although more rows would stay near, or a band is longer than that,
    or than it helps."""
    e = dense(np.random.default_rng(0), (1, channels, 2 * channels), (size, size), Window((1, 1)), Interleaved(8))
    stage = Stage.of("s", (), (e,), [Buffer("y", "y", 2 * channels, size, size)])  # no sums wait in planes
    assert e.suits_band(stage) == band
    near = [n for n in BANDS if n == 1 or n * e.buffer.row_bytes + e.weight[0].nbytes * 8 <= NEAR]
    assert band in near
    assert band == 1 or -(-size // (band // 2)) * e.weight.nbytes > FETCHED
