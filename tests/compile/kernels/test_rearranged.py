# SPDX-License-Identifier: Apache-2.0
"""DepthToSpace and ShuffleChannels: the same numbers in other places; and windows that leave a map's border out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr, Inputs
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import DepthToSpace, MaxPool, ShuffleChannels
from biisnet.compile.storage import Planes

from . import draw as d
from .conftest import Check
from .device import Case


@st.composite
def rearranged(draw: st.DrawFn) -> Case:
    """All squares and groups, strides and borders; results of odd size are cropped ones."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    channels, offset = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((0, 0, 3)))
    kind = draw(st.sampled_from(("square", "shuffle", "border")))
    margin = draw(st.sampled_from(("none", "zero", "edge")))

    def read(planes: int, rows: int, columns: int) -> Buffer:
        return Buffer("in", "in", planes, rows, columns, layout=Planes(margin))

    if kind == "square":
        block, mode = draw(st.sampled_from((2, 2, 4, 8))), draw(st.sampled_from(("CRD", "DCR")))
        buffer = read((channels + offset) * block**2, -(-height // block), -(-width // block))
        e: Expr = DepthToSpace(channels, buffer, block, mode, offset)
    elif kind == "shuffle":
        groups = draw(st.sampled_from((1, 2, 3, 8)))
        buffer = read(-(-(channels + offset) // groups) * groups, height, width)
        e = ShuffleChannels(channels, buffer, groups, offset)
    else:
        strides = draw(st.sampled_from(((1, 1), (2, 2), (3, 4), (16, 16))))
        out = [draw(st.sampled_from((0, 0, 1, 5, 40))) for _ in range(4)]
        sides = [(n - 1) * s + 1 + a + b for n, s, a, b in zip((height, width), strides, out, out[2:], strict=False)]
        buffer = read(channels + offset, *sides)
        e = MaxPool(channels, buffer, Window((1, 1), strides, tuple(-n for n in out)), offset)  # type: ignore[arg-type]
    fill = draw(st.sampled_from((d.plain_map, d.special_map)))
    maps = {"in": fill(rng, (buffer.channels, buffer.height, buffer.width))}
    return draw(d.around(e, height, width, maps))


@d.BATCH
@given(cases=d.batches(rearranged(), 16))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a number comes to another place, most likely at a row's end or of the last channels."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(rearranged(), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's shuffles differ from this machine's."""
    on_both(cases)


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
@pytest.mark.parametrize("block", [2, 4, 8])
def test_reference_is_onnx(mode: str, block: int) -> None:
    """Fails where the yardstick is not ONNX's DepthToSpace."""
    x = d.plain_map(np.random.default_rng(0), (3 * block**2, 3, 5))
    node = helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=block, mode=mode)
    sides = [helper.make_tensor_value_info(n, 1, None) for n in "xy"]
    model = helper.make_model(helper.make_graph([node], "d", sides[:1], sides[1:]))
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x[None]})
    e = DepthToSpace(3, Buffer("in", "in", *x.shape), block, mode)  # type: ignore[arg-type]
    np.testing.assert_array_equal(e.reference(Inputs((), {"in": x}, 3 * block, 5 * block)), expected[0])
