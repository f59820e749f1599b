# SPDX-License-Identifier: Apache-2.0
"""Upsample and Interpolate: 2, 4 and 8 times the resolution, linear or nearest, perhaps cropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Inputs
from biisnet.compile.kernels import Interpolate, Upsample
from biisnet.compile.storage import Planes

from . import draw as d
from .conftest import Check
from .device import Case


@st.composite
def upsamples(draw: st.DrawFn) -> Case:
    """Both modes; results of odd size are cropped ones."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    rows, columns = -(-height // 2), -(-width // 2)
    channels, offset = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((0, 0, 3)))
    mode, margin = draw(st.sampled_from((("linear", "edge"), ("nearest", "none"), ("nearest", "zero"))))
    buffer = Buffer("in", "in", channels + offset, rows, columns, layout=Planes(margin))
    maps = {"in": draw(st.sampled_from((d.plain_map, d.special_map)))(rng, (buffer.channels, rows, columns))}
    return draw(d.around(Upsample(channels, buffer, mode, offset), height, width, maps))


@st.composite
def interpolations(draw: st.DrawFn) -> Case:
    """4 and 8 times, cropped too."""
    rng, (height, width), factor = draw(d.generators()), draw(d.sizes()), draw(st.sampled_from((4, 8)))
    rows, columns = -(-height // factor), -(-width // factor)
    channels, offset = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((0, 0, 3)))
    buffer = Buffer("in", "in", channels + offset, rows, columns, layout=Planes("edge"))
    maps = {"in": d.plain_map(rng, (buffer.channels, rows, columns))}
    return draw(d.around(Interpolate(channels, buffer, factor, offset), height, width, maps))


@d.BATCH
@given(cases=d.batches(st.one_of(upsamples(), interpolations()), 16))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a neighbour or its weight is wrong, most likely at a border."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(st.one_of(upsamples(), interpolations()), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board blends or interleaves differently from this machine."""
    on_both(cases)


@pytest.mark.parametrize(("mode", "factor"), [("linear", 2), ("nearest", 2), ("linear", 4), ("linear", 8)])
def test_reference_is_onnx(mode: str, factor: int) -> None:
    """Fails where the yardstick is not ONNX's Resize with half-pixel centres."""
    x = d.plain_map(np.random.default_rng(0), (2, 3, 5))
    node = helper.make_node(
        "Resize", ["x", "", "scales"], ["y"], mode=mode, coordinate_transformation_mode="half_pixel"
    )
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info(n, 1, None) for n in ("x", "scales")],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    (expected,) = ReferenceEvaluator(model).run(
        None, {"x": x[None], "scales": np.array([1, 1, factor, factor], np.float32)}
    )
    buffer = Buffer("in", "in", 2, 3, 5)
    if factor > 2:
        found = Interpolate(2, buffer, factor).reference(Inputs((), {"in": x}, 3 * factor, 5 * factor))
        np.testing.assert_allclose(found, expected[0], rtol=1e-6, atol=1e-6)
        return
    e = Upsample(2, buffer, mode)  # type: ignore[arg-type]
    times = 16 if mode == "linear" else 1
    np.testing.assert_array_equal(e.reference(Inputs((), {"in": x}, 6, 10)), times * expected[0])
