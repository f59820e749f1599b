# SPDX-License-Identifier: Apache-2.0
"""MaxPool: the largest pixel of a window; padding counts for nothing, and NaN is larger than every number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Inputs
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import MaxPool
from biisnet.compile.storage import Planes

from . import draw as d
from .conftest import Check
from .device import Case

STEM = Window((3, 3), (2, 2), (1, 1, 1, 1))
"""The pooling of a ResNet's stem."""


def below_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> d.Array:
    """Numbers that a zero beside them would be larger than."""
    return d.plain_map(rng, shape) - np.float32(8)


@st.composite
def geometries(draw: st.DrawFn, height: int, width: int) -> tuple[Window, int, int]:
    """A window, and a map's size for which its result is height x width."""
    kernel = draw(st.sampled_from(((3, 3), (3, 3), (2, 2), (1, 1), (2, 3), (5, 1), (1, 4), (5, 5))))
    strides = draw(st.sampled_from(((2, 2), (2, 2), (1, 1), (2, 1), (3, 4), (4, 3))))
    most = [k - 1 for k in kernel * 2]
    pads = draw(st.sampled_from(((0,) * 4, (1,) * 4, (1,) * 4, (0, 0, 1, 1), (1, 0, 0, 1), (9, 9, 9, 9))))
    pads = tuple(min(p, m) for p, m in zip(pads, most, strict=True))
    rows, columns = (
        (n - 1) * stride + k - before - after + draw(st.integers(0, stride - 1))
        for n, stride, k, before, after in zip((height, width), strides, kernel, pads[:2], pads[2:], strict=True)
    )
    if min(rows, columns) < 1:  # the pads alone are larger than that
        window = Window(kernel, strides)
        return window, *((n - 1) * stride + k for n, stride, k in zip((height, width), strides, kernel, strict=True))
    return Window(kernel, strides, pads), rows, columns


@st.composite
def pools(draw: st.DrawFn) -> Case:
    """All strides, pads and maps, down to one pixel."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    window, rows, columns = draw(geometries(height, width))
    channels, offset = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((0, 0, 3)))
    margin = "edge" if any(window.pads) else draw(st.sampled_from(("none", "zero", "edge")))
    buffer = Buffer("in", "in", channels + offset, rows, columns, layout=Planes(margin))
    fill = draw(st.sampled_from((below_zero, d.plain_map, d.special_map)))
    maps = {"in": fill(rng, (buffer.channels, rows, columns))}
    return draw(d.around(MaxPool(channels, buffer, window, offset), height, width, maps))


def bare(window: Window, x: d.Array) -> Case:
    """A window over a map, and nothing else."""
    buffer = Buffer("in", "in", *x.shape, layout=Planes("edge"))
    out = Buffer("out", "out", len(x), *window.output(*x.shape[1:]), layout=Planes())
    return Case(Stage.of("case", (), (MaxPool(len(x), buffer, window),), [out]), {"in": x})


def at_edges() -> list[Case]:
    """The stem's window over numbers below zero, at all widths of a result around the vector's, even and odd maps."""
    rng, columns = np.random.default_rng(0), [n + odd for n in (1, 29, 31, 33) for odd in (0, 1)]
    return [bare(STEM, below_zero(rng, (3, rows, n))) for rows in (1, 2, 5) for n in columns]


@d.BATCH
@given(cases=d.batches(pools(), 16))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a pixel of another window is compared, or a padded one counts."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(pools(), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's shuffles or comparisons differ from this machine's, of NaN and signed zeros too."""
    on_both(cases)


@pytest.mark.emulator
def test_at_edges(on_both: Check) -> None:
    """Fails where zeros of a margin, or what lies past a row's end, are taken for pixels."""
    on_both(at_edges())


@pytest.mark.emulator
def test_zeros_have_an_order(on_both: Check) -> None:
    """Fails where 0.0 beside -0.0 gives another sign here than there."""
    x = np.random.default_rng(0).choice(np.float32([0.0, -0.0]), (2, 9, 40), p=(0.1, 0.9))
    on_both([bare(STEM, x), bare(Window((2, 2), (1, 1)), x)])


def test_longest_window(on_host: Check) -> None:
    """Fails where the window of most rows and columns does not compile."""
    x = below_zero(np.random.default_rng(0), (2, 20, 40))
    on_host([bare(Window((16, 16), strides, (15, 15, 15, 15)), x) for strides in ((1, 1), (2, 2), (16, 16))])


def test_reference_by_hand() -> None:
    """Fails where the yardstick counts padding, or leaves NaN out."""
    x = np.array([[[-1, -2, -3], [-4, -5, -6], [-np.inf, -np.inf, np.nan]]], np.float32)
    e = MaxPool(1, Buffer("in", "in", 1, 3, 3), STEM)
    expected = [[[-1, -2], [-4, np.nan]]]
    np.testing.assert_array_equal(e.reference(Inputs((), {"in": x}, 2, 2)), expected)
    assert e.reference(Inputs((), {"in": x[:, 2:, :2]}, 1, 1)).max() == -np.inf


@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), pads=(3, 0, 0, 0)),
        Window((3, 3), pads=(0, 0, 0, 3)),
        Window((1, 3), pads=(0, 1, 1, 1)),
        Window((3, 3), pads=(1, 1, 1, 1), dilations=(1, 2)),
    ],
)
def test_windows_that_a_repeated_border_does_not_suit(window: Window) -> None:
    """Fails where a window gets a pixel of the border that is not its own."""
    with pytest.raises(ValueError, match="a window of it may lie outside of the map, or step over its border"):
        MaxPool(1, Buffer("in", "in", 1, 9, 9), window)
