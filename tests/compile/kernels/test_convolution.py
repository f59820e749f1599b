# SPDX-License-Identifier: Apache-2.0
"""Convolution: full precision, zero padding, any strides, pads, dilations and groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Convolution
from biisnet.compile.storage import Planes

from . import draw as d
from .conftest import Check
from .device import Case


@st.composite
def geometries(draw: st.DrawFn, height: int, width: int) -> tuple[Window, int, int]:
    """A window, and a map's size for which its result is height x width."""
    kernel = draw(st.sampled_from(((1, 1), (3, 3), (3, 3), (2, 3), (1, 5), (4, 1))))
    strides = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    dilations = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    pads = draw(st.sampled_from(((0, 0, 0, 0), (1, 1, 1, 1), (2, 0, 1, 3), (0, 5, 4, 0), (1, 16, 0, 16))))
    spans = [(k - 1) * dilation + 1 for k, dilation in zip(kernel, dilations, strict=True)]
    rows, columns = (
        (n - 1) * stride + span - before - after + draw(st.integers(0, stride - 1))
        for n, stride, span, before, after in zip((height, width), strides, spans, pads[:2], pads[2:], strict=True)
    )
    if min(rows, columns) < 1:  # the pads alone are larger than that
        window = Window(kernel, strides, (0, 0, 0, 0), dilations)
        return window, *(
            (n - 1) * stride + span for n, stride, span in zip((height, width), strides, spans, strict=True)
        )
    return Window(kernel, strides, pads, dilations), rows, columns


@st.composite
def convolutions(draw: st.DrawFn, fill: d.Maps = d.plain_map) -> Case:
    """Few taps, which are unrolled, and many, which are a loop."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    window, rows, columns = draw(geometries(height, width))
    groups, outputs, inputs = draw(
        st.sampled_from(((1, 8, 2), (1, 5, 1), (1, 16, 1), (1, 1, 9), (4, 8, 1), (3, 9, 1), (1, 3, 10), (2, 4, 9)))
    )
    margin = "zero" if any(window.pads) else draw(st.sampled_from(("none", "zero", "edge")))
    buffer = Buffer("in", "in", inputs * groups, rows, columns, layout=Planes(margin))
    weight = fill(rng, (outputs, inputs, *window.kernel)) / np.float32(4)
    bias = d.constants(rng, outputs) * draw(st.integers(0, 1))
    maps = {"in": fill(rng, (buffer.channels, rows, columns))}
    return draw(d.around(Convolution(outputs, buffer, weight, bias, window, groups), height, width, maps))


@d.BATCH
@given(cases=d.batches(convolutions(), 10))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a tap reads another pixel, channel or group, or a padded one is not zero."""
    on_host(cases)


@d.BATCH
@given(cases=d.batches(convolutions(d.real_map), 6))
def test_any_numbers(on_host: Check, cases: list[Case]) -> None:
    """Fails where sums lose more than rounding errors."""
    on_host(cases, exact=False)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(convolutions(d.real_map), 6))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board rounds differently from this machine."""
    on_both(cases, exact=False)


def test_special_values(on_host: Check) -> None:
    """Fails where NaN or an infinity does not spread over exactly the window's pixels (0 * inf is NaN)."""
    x = np.zeros((1, 5, 40), np.float32)
    x[0, 2, 3], x[0, 2, 20], x[0, 0, 39] = np.nan, np.inf, -np.inf
    buffer = Buffer("in", "in", 1, 5, 40, layout=Planes("zero"))
    weight = np.array([[[[0, 1, 2], [0, 1, -1], [1, 1, 1]]]], np.float32)
    e = Convolution(1, buffer, weight, np.ones(1, np.float32), Window((3, 3), pads=(1, 1, 1, 1)))
    on_host([Case(Stage.of("case", (), (e,), [Buffer("out", "out", 1, 5, 40, external=0)]), {"in": x})])
