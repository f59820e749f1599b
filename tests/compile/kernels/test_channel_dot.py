# SPDX-License-Identifier: Apache-2.0
"""ChannelDot: accumulators by vectors of channels, equal without exception, and all that may follow them."""

from __future__ import annotations

import itertools
from dataclasses import replace

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
    ChannelDot,
    Clamp,
    Constant,
    HingeAdd,
    Load,
    ScaleShift,
    ScaleShiftAdd,
    TwoSlope,
    TwoSlopeAdd,
)
from biisnet.compile.kernels.channel_bands import BANDS, FETCHED
from biisnet.compile.kernels.channel_counts import Counts, InBytes, Pairwise
from biisnet.compile.kernels.channel_tiles import tile_of
from biisnet.compile.passes.fold_prelu_into_accumulator import centre
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Bits, Interleaved, Planes
from biisnet.targets.cores import GENERIC, Core

from . import draw as d
from .conftest import Check
from .device import Case, Fixed

SHAPES = (
    *((1, 32, 16), (1, 64, 8), (1, 80, 16), (1, 96, 8), (1, 128, 24), (1, 160, 8)),
    *((2, 48, 8), (2, 64, 8), (2, 80, 8), (3, 64, 16)),
    *((1, 32, 64), (1, 80, 128), (1, 128, 64), (2, 48, 64)),  # are counted by tables, where a core looks them up
)
"""Groups, channels of a group, outputs of a group."""
MANY = ((1, 64, 64), (1, 80, 80), (1, 96, 32), (1, 128, 128), (1, 160, 40), (1, 256, 16), (1, 512, 8), (1, 496, 64))
PLAIN_3X3 = Window((3, 3), pads=(1, 1, 1, 1))
WINDOWS = (
    PLAIN_3X3,
    Window((3, 3), (2, 2), (1, 1, 1, 1)),
    Window((1, 1)),
    Window((1, 1), (2, 2)),
    Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
    Window((2, 5), (1, 3), (1, 2, 0, 3)),
)


def dot(
    rng: np.random.Generator, shape: tuple[int, int, int], size: tuple[int, int], window: Window, pad_shift: int
) -> tuple[ChannelDot, d.Array]:
    """A binary convolution of random bits, and the map that it reads."""
    groups, inputs, outputs = shape
    rows, columns = size
    width = window.output(rows, columns)[1]
    reach = (width - 1) * window.strides[1] + (window.kernel[1] - 1) * window.dilations[1] - window.pads[1]
    layout = Interleaved(left=window.pads[1], right=max(reach - (columns - 1), 0))
    buffer = Buffer("in", "in", groups * inputs, rows, columns, Bits(groups), layout)
    signs = rng.random((groups * outputs, inputs, *window.kernel)) < 0.5
    e = ChannelDot(groups * outputs, buffer, signs, window, pad_shift, 2)
    return e, rng.random((groups * inputs, rows, columns)) < 0.5


@st.composite
def outputs(draw: st.DrawFn, channels: int, height: int, width: int) -> list[Buffer]:
    """Up to three stored forms of a map, in either layout, or the user's."""
    rng, buffers = draw(d.generators()), []
    for n in range(draw(st.integers(1, 3))):
        shape = (f"out{n}", "value", channels, height, width)
        form = draw(st.sampled_from(("bits", "bits", "float32", "external")))
        if form == "external":
            buffers.append(Buffer(*shape, external=n))
        elif form == "float32":
            layout = draw(st.sampled_from((Interleaved(8), Interleaved(8, lanes=16), Planes(), Planes("edge"))))
            buffers.append(Buffer(*shape, layout=layout))
        else:
            kinds = [np.zeros(1, np.float32), d.dyadic(rng, 1), d.dyadic(rng, channels)]
            sides = {"left": draw(st.integers(0, 2)), "right": draw(st.integers(0, 3))}
            layout = draw(st.sampled_from((Interleaved(**sides), Interleaved(**sides, lanes=16), Planes("zero"))))
            groups = draw(st.sampled_from([g for g in (1, 2) if channels % (8 * g) == 0]))
            buffers.append(Buffer(*shape, Bits(groups, draw(st.sampled_from(kinds))), layout))
    return buffers


@st.composite
def epilogues(draw: st.DrawFn, e: ChannelDot, height: int, width: int, maps: dict[str, d.Array]) -> Expr:
    """Any kind that takes vectors of channels on top of an accumulator."""
    rng, n = draw(d.generators()), e.channels
    c = [d.constants(rng, n) for _ in range(3)]
    layout = draw(st.sampled_from((Interleaved(8), Planes())))
    residual = Load(
        n, Buffer("residual", "residual", n + 8, height, width, layout=layout), draw(st.sampled_from((0, 8)))
    )
    least = draw(st.sampled_from((None, np.zeros(n), np.full(n, -(1 << 15)), rng.integers(-9, 10, n))))
    if least is not None:
        e = replace(e, least=least.astype(np.int16))
    kind = draw(
        st.sampled_from(("none", "bn", "bn add", "add", "two_slope", "two_slope add", "clamp", "relu", "hinge"))
    )
    if "add" in kind or kind == "hinge":
        maps["residual"] = d.plain_map(rng, (n + 8, height, width))
    if kind == "hinge":
        x = centre(replace(e, least=None), {})
        knee = np.clip(rng.integers(-9, 10, n) + x.centre, 2 * x.centre // 3, 4 * x.centre // 3 - 1).astype(np.float32)
        return HingeAdd(n, x, residual, c[0], c[1] + np.float32(0), knee)
    return {
        "none": lambda: e,
        "bn": lambda: ScaleShift(n, e, c[0], c[1]),
        "bn add": lambda: ScaleShiftAdd(n, e, residual, c[0], c[1]),
        "add": lambda: Add(n, residual, e),
        "two_slope": lambda: TwoSlope(n, ScaleShift(n, e, c[0], c[1]), c[1], c[2]),
        "two_slope add": lambda: TwoSlopeAdd(n, Add(n, e, Constant(n, c[2])), residual, c[0], c[1]),
        "relu": lambda: Clamp(n, e, np.abs(c[0]), np.full(n, np.inf, np.float32)),
        "clamp": lambda: Clamp(n, e, -np.abs(c[0]), np.abs(c[1])),
    }[kind]()


@st.composite
def dots(draw: st.DrawFn) -> Case:
    """Any shape, window, padding, epilogue and form."""
    rng, (height, width), window = draw(d.generators()), *(draw(st.sampled_from(x)) for x in (d.CHANNEL_SIZES, WINDOWS))
    size = d.input_size(window, height, width)
    height, width = window.output(*size)
    e, bits = dot(rng, draw(st.sampled_from(SHAPES)), size, window, draw(st.integers(0, 2)))
    maps = {"in": bits}
    whole = draw(epilogues(e, height, width, maps))
    return Case(Stage.of("case", ("case",), (whole,), draw(outputs(e.channels, height, width))), maps)


PAIRWISE, IN_BYTES = replace(GENERIC, window_bytes=16), replace(GENERIC, window_bytes=4, takes_elements=False)
COUNTING = (None, PAIRWISE, IN_BYTES)
"""This machine's core, and two ways of counting by LLVM's own choice of instructions."""
CORE_IDS = ("own", "pairwise", "in bytes")


@d.BATCH
@given(cases=d.batches(dots(), 8), core=st.sampled_from(COUNTING))
def test_host(on_host: Check, cases: list[Case], core: Core | None) -> None:
    """Fails where a single accumulator is off by one, or an epilogue takes another channel's constant."""
    on_host(cases, core=core)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(dots(), 6))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's instructions give something else than their meaning."""
    on_both(cases)


def large(height: int, width: int) -> list[Case]:
    """3x3 with one pixel of padding, for the channel counts of real networks."""
    cases = []
    for n, shape in enumerate(MANY):
        e, bits = dot(np.random.default_rng(n), shape, (height, width), PLAIN_3X3, n % 3)
        form = (e.channels, height, width)
        out = [
            Buffer("sum", "sum", *form, layout=Interleaved(8)),
            Buffer("bits", "bits", *form, Bits(threshold=np.ones(1, np.float32)), Interleaved(left=1, right=1)),
        ]
        cases.append(Case(Stage.of("case", ("case",), (e,), out), {"in": bits}))
    return cases


@pytest.mark.emulator
def test_many_channels(on_both: Check) -> None:
    """Fails where a piece of a window's row is read from elsewhere, at C = 64 to 512."""
    on_both(large(7, 7))


@pytest.mark.parametrize("core", COUNTING, ids=CORE_IDS)
@pytest.mark.parametrize("inverted", [False, True])
def test_all_bits_differ(on_host: Check, inverted: bool, core: Core | None) -> None:
    """Fails where the largest counts overflow: every bit of every tap is unlike, or like, its weight."""
    cases = large(3, 14)
    for case in cases:
        ((e,), _) = case.stage.results
        assert isinstance(e, ChannelDot)
        e.signs[:] = True
        case.maps["in"][:] = inverted
    on_host(cases, core=core)


@pytest.mark.emulator
def test_signs_of_what_is_no_number(on_both: Check) -> None:
    """Fails where a NaN counts as above a threshold, or -0.0 as below it."""
    cases = []
    for kind, threshold in itertools.product((Add, ScaleShiftAdd), (0, 1)):
        rng, zeros = np.random.default_rng(0), np.zeros(8, np.float32)
        e, bits = dot(rng, (1, 64, 8), (3, 9), PLAIN_3X3, 1)
        residual = Load(8, Buffer("residual", "residual", 8, 3, 9, layout=Interleaved(8)))
        scaled = ScaleShift(8, e, zeros, -zeros)
        whole = Add(8, residual, scaled) if kind is Add else ScaleShiftAdd(8, e, residual, zeros, -zeros)
        maps = {"in": bits, "residual": d.special_map(rng, (8, 3, 9))}
        out = Buffer("b", "b", 8, 3, 9, Bits(threshold=np.full(1, threshold, np.float32)), Interleaved())
        cases.append(Case(Stage.of("case", (), (whole,), [out]), maps))
    on_both(cases)


@pytest.mark.parametrize("band", [1, 2, 8])
@pytest.mark.parametrize("pixels", [4, 8])
def test_schedules(on_host: Check, band: int, pixels: int) -> None:
    """Fails where what is computed depends on how it is blocked."""

    on_host(large(5, 11), schedules=Fixed(band=band, pixels=pixels))


@pytest.mark.parametrize("form", [Pairwise, InBytes])
def test_pieces_are_the_window(form: type[Counts]) -> None:
    """Fails where bytes of a window's row are left out, or read twice."""
    for shape, window in ((s, w) for s in SHAPES for w in WINDOWS):
        e, _ = dot(np.random.default_rng(0), shape, d.input_size(window, 3, 3), window, 1)
        pixel, read = e.buffer.planes, []
        for p in e.pieces(form.sizes):
            read += range(p.offset, p.offset + p.size * p.count)
        taps = [kx * window.dilations[1] * pixel + byte for kx in range(window.kernel[1]) for byte in range(e.planes)]
        assert read == taps
        words = sum(p.count * form.weight_words(p.size) for p in e.pieces(form.sizes))
        assert e.interleaved_weights(form).size == e.channels // 8 * window.kernel[0] * words
        assert form is InBytes or e.interleaved_weights(form).nbytes == e.signs.size // 8


def test_work_is_in_proportion() -> None:
    """Fails where a piece that is no whole vector costs as much as one."""
    for channels, form, expected in (
        (80, Pairwise, [(16, 1, 64), (8, 1, 32), (4, 1, 16), (2, 1, 8)]),
        (64, Pairwise, [(16, 1, 64), (8, 1, 32)]),
        (80, InBytes, [(4, 7, 16), (2, 1, 16)]),  # half of the last vector is zeros
        (64, InBytes, [(4, 6, 16)]),
    ):
        e, _ = dot(np.random.default_rng(0), (1, channels, 8), (3, 3), PLAIN_3X3, 1)
        assert [(p.size, p.count, form.weight_words(p.size)) for p in e.pieces(form.sizes)] == expected


@pytest.mark.parametrize(("width", "tile"), [(1, 1), (7, 7), (8, 8), (9, 5), (14, 7), (17, 6), (28, 7), (56, 8)])
def test_tiles(width: int, tile: int) -> None:
    """Fails where a row has more tiles than it must, or a last one that is nearly empty."""
    assert tile_of(width, 8) == tile


@pytest.mark.parametrize(("channels", "size", "band"), [(32, 56, 1), (64, 56, 4), (128, 28, 8), (512, 7, 8)])
def test_band(channels: int, size: int, band: int) -> None:
    """Fails where weights are fetched for every row, or a band is longer than they ask."""
    e, _ = dot(np.random.default_rng(0), (1, channels, channels), (size, size), PLAIN_3X3, 1)
    stage = Stage.of("s", (), (e,), [Buffer("y", "y", channels, size, size, layout=Interleaved(8))])
    assert e.suits_band(stage) == band
    assert band == BANDS[-1] or -(-size // band) * e.signs.size // 8 <= FETCHED
    assert DEFAULT.of(stage).band == band
