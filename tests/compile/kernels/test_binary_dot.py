# SPDX-License-Identifier: Apache-2.0
"""BinaryDot: integer accumulators, equal without exception, for every padding and channel count."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr, Inputs
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import BinaryDot, RepeatChannels, ScaleShift
from biisnet.compile.kernels.border_table import border_extent, border_table
from biisnet.compile.passes.fold_prelu_into_accumulator import centre
from biisnet.compile.storage import Bits, Margin, Planes
from biisnet.targets.cores import GENERIC

from . import draw as d
from .conftest import Check
from .device import Case
from .integers import forced
from .test_convolution import geometries

# groups, channels of a group, outputs of a group: odd counts are not halved, some fill no byte
SMALL = ((1, 8, 8), (1, 1, 8), (1, 3, 5), (1, 7, 9), (1, 9, 1), (1, 16, 8), (2, 8, 8), (2, 5, 4), (3, 3, 3), (4, 2, 2))
LARGE = ((1, 16, 16), (1, 24, 24), (1, 32, 32), (1, 17, 8), (1, 64, 8), (2, 16, 16))
TWINS = (((1, 16, 8), 2), ((1, 32, 3), 2), ((1, 48, 8), 2))
"""Maps whose second half of the channels has the signs of the first."""
LANES = GENERIC.lanes
PLAIN_3X3 = Window((3, 3), pads=(1, 1, 1, 1))


def dot(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    rows: int,
    columns: int,
    window: Window,
    pad_shift: int,
    *,
    centred: bool = False,
    copies: int = 1,
) -> tuple[BinaryDot, d.Array]:
    """A binary convolution of random bits, with a centre where asked, and the map that it reads."""
    groups, inputs, outputs = shape
    margin: Margin = "zero" if any(window.pads) else "none"
    encoding = Bits(groups, copies=copies)
    buffer = Buffer("in", "in", groups * inputs, rows, columns, encoding, Planes(margin))
    signs = rng.random((groups * outputs, inputs, *window.kernel)) < 0.5
    padded = any(window.pads) and pad_shift == 1
    unit = 1 if signs[0].size % 2 or (padded and inputs % 2) else 2
    e = BinaryDot(groups * outputs, buffer, signs, window, pad_shift, unit)
    return centre(e, {}) if centred else e, encoding.draw((groups * inputs, rows, columns), rng)


@st.composite
def dots(draw: st.DrawFn) -> Case:
    """Any geometry, few taps."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    window, rows, columns = draw(geometries(height, width))
    (shape, copies), pad_shift = draw(st.sampled_from([*((s, 1) for s in SMALL), *TWINS])), draw(st.integers(0, 2))
    e, bits = dot(rng, shape, rows, columns, window, pad_shift, centred=draw(st.booleans()), copies=copies)
    whole: Expr = RepeatChannels(2 * e.channels, e) if draw(st.integers(0, 5)) == 5 else e
    return draw(d.around(whole, height, width, {"in": bits}))


@d.BATCH
@given(cases=d.batches(dots(), 12))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a single accumulator is off by one."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(dots(), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's bit counts differ."""
    on_both(cases)


def large(width: int) -> list[Case]:
    """3x3 with one pixel of padding, for the channel counts of real networks."""
    cases = []
    for n, (shape, copies) in enumerate([*((shape, 1) for shape in LARGE), ((1, 32, 8), 2), ((1, 64, 16), 2)]):
        rng = np.random.default_rng(n)
        e, bits = dot(rng, shape, 5, width, PLAIN_3X3, n % 3, centred=n % 2 == 0, copies=copies)
        out = [
            Buffer("sum", "sum", e.channels, 5, width, layout=Planes("zero")),
            Buffer("bits", "bits", e.channels, 5, width, Bits(threshold=np.ones(1, np.float32)), Planes("zero")),
        ]
        cases.append(Case(Stage.of("case", ("case",), (e,), out), {"in": bits}))
    return cases


@pytest.mark.emulator
def test_many_channels(on_both: Check) -> None:
    """Fails where more than 31 bytes of taps overflow a byte's count, at C = 16, 24, 32 and 64."""
    on_both(large(35))


@pytest.mark.parametrize("copies", [1, 2])
def test_copies_are_the_whole_map(on_host: Check, copies: int) -> None:
    """Fails where a twin's accumulator is not that of the same map with both copies stored, or where weights of copies
    that are all equal, or all different, are miscounted."""
    whole, bits = dot(np.random.default_rng(3), (1, 32, 8), 4, 21, PLAIN_3X3, 1, copies=2)
    whole.signs[1, 16:] = whole.signs[1, :16]
    whole.signs[2, 16:] = ~whole.signs[2, :16]
    stored = Buffer("in", "in", 32, 4, 21, Bits(copies=copies), Planes("zero"))
    assert stored.planes == 4 // copies
    e = replace(whole, buffer=stored)
    out = [Buffer("sum", "sum", 8, 4, 21)]
    inputs = Inputs((), {"in": bits}, 4, 21)
    np.testing.assert_array_equal(e.reference(inputs), whole.reference(inputs))
    on_host([Case(Stage.of("case", (), (e,), out), {"in": bits})])


@pytest.mark.parametrize(
    "schedule",
    [Schedule(1, 4, 1, 2, "channels"), Schedule(2, 8, 2, 2, "columns", 4), Schedule(2, 8, 1, 1, "channels", 2, "rows")],
)
def test_schedules(on_host: Check, schedule: Schedule) -> None:
    """Fails where a result depends on the schedule: a second vector that takes another channel's addend or border."""
    cases = []
    for copies, width in itertools.product((1, 2), (31, 33, 48)):
        e, bits = dot(np.random.default_rng(width), (1, 32, 16), 5, width, PLAIN_3X3, 1, copies=copies)
        shifted = ScaleShift(16, e, np.arange(-8, 8, dtype=np.float32) / 4, np.arange(16, dtype=np.float32))
        out = [Buffer("y", "y", 16, 5, width), Buffer("b", "b", 16, 5, width, Bits(), Planes("zero"))]
        cases.append(Case(Stage.of("case", ("case",), (shifted,), out), {"in": bits}))
    on_host(cases, schedules=forced(schedule))


@pytest.mark.parametrize("inverted", [False, True])
def test_all_bits_differ(on_host: Check, inverted: bool) -> None:
    """Fails where the largest counts overflow: every bit of every tap is unlike, or like, its weight."""
    cases = large(33)
    for case in cases:
        ((e,), _) = case.stage.results
        assert isinstance(e, BinaryDot)
        e.signs[:] = True
        case.maps["in"][:] = inverted
    on_host(cases)


@pytest.mark.parametrize("pad_shift", [0, 1, 2])
def test_external_output(on_host: Check, pad_shift: int) -> None:
    """Fails where pixels that are computed one by one take another column's border correction."""
    cases = []
    for width in (1, 2, 15, 17, 31, 33):
        e, bits = dot(np.random.default_rng(width), (1, 3, 2), 3, width, PLAIN_3X3, pad_shift)
        cases.append(Case(Stage.of("case", (), (e,), [Buffer("out", "out", 2, 3, width, external=0)]), {"in": bits}))
    on_host(cases)


def test_packed_weights() -> None:
    """Fails where a weight's bit lies elsewhere than bit i of plane j for channel 8j+i."""
    signs = np.zeros((2, 9, 1, 2), bool)
    signs[0, 0, 0, 1] = signs[1, 7, 0, 0] = signs[1, 8, 0, 0] = True
    e = BinaryDot(2, Buffer("in", "in", 9, 1, 4, Bits()), signs, Window((1, 2)))
    np.testing.assert_array_equal(e.packed_weights(), [[[[0, 1]], [[0, 0]]], [[[128, 0]], [[1, 0]]]])


def entry(e: BinaryDot, y: int, x: int) -> d.Array:
    """[channels]: K, and the padded taps' weights pad_shift times."""
    total = np.full(e.channels, e.signs[0].size)
    for m, c, ky, kx in np.ndindex(*e.signs.shape):
        row = y * e.window.strides[0] - e.window.pads[0] + ky * e.window.dilations[0]
        column = x * e.window.strides[1] - e.window.pads[1] + kx * e.window.dilations[1]
        if not (0 <= row < e.buffer.height and 0 <= column < e.buffer.width):
            total[m] += e.pad_shift * (1 if e.signs[m, c, ky, kx] else -1)
    return total


@pytest.mark.parametrize("width", [1, 15, 16, 17, 33, 48, 50, 80])
@pytest.mark.parametrize("height", [1, 2, 3, 6])
@pytest.mark.parametrize(
    "window",
    [
        PLAIN_3X3,
        Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
        Window((2, 5), pads=(1, 9, 0, 0)),
        Window((1, 1)),
        Window((3, 3), (2, 2), (1, 1, 1, 1)),
    ],
)
def test_border_table(height: int, width: int, window: Window) -> None:
    """Fails where a row or column class merges pixels whose borders differ."""
    rng = np.random.default_rng(0)
    e, _ = dot(rng, (1, 3, 2), height, width, window, 1)
    if min(window.output(height, width)) < 1:
        pytest.skip("the window does not fit")
    out_height, out_width = window.output(height, width)
    table = border_table(e.signs, e.window, e.pad_shift, e.buffer, (out_height, out_width), LANES)
    vectors = -(-out_width // LANES)
    first, last = table.column_ends
    for y in range(out_height):
        row = (
            y
            if out_height <= sum(table.row_ends)
            else (min(y, table.row_ends[0]) + max(y - (out_height - table.row_ends[1] - 1), 0))
        )
        for x in range(out_width):
            v = x // LANES
            start = (
                v * LANES
                if vectors <= first + last
                else (min(v, first) * table.first_step + max(v - (vectors - last - 1), 0) * table.last_step)
            )
            np.testing.assert_array_equal(table.strips[row, :, start + x % LANES], entry(e, y, x))


@pytest.mark.parametrize(
    ("touched", "ends"),
    [
        ("", (0, 0)),
        ("..", (0, 0)),
        ("#..#", (1, 1)),
        ("##.", (2, 0)),
        (".#", (0, 1)),
        ("##", (2, 0)),
        ("#.#.#", (5, 0)),
    ],
)
def test_border_extent(touched: str, ends: tuple[int, int]) -> None:
    """Fails where a border that reaches the middle is taken for two ends."""
    assert border_extent(np.array([c == "#" for c in touched], bool)) == ends
