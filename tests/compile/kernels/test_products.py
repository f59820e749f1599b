# SPDX-License-Identifier: Apache-2.0
"""Multiply and Spread: products and sums of maps of which one may be a gate, a row, a column or a plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr, Inputs
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, Load, Multiply, Spread
from biisnet.compile.storage import Planes

from . import draw as d
from .conftest import Check
from .device import Case


@st.composite
def products(draw: st.DrawFn, fill: d.Maps = d.plain_map) -> Case:
    """A map by a spread one, alone or summed with another; the spread one may have a margin, or be the model's own."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    channels, offset = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((0, 0, 3)))
    maps: dict[str, d.Array] = {}

    def spread(name: str) -> Expr:
        planes = draw(st.sampled_from((1, channels + offset)))
        sides = [draw(st.sampled_from((1, n))) for n in (height, width)]
        own = draw(st.booleans())
        layout = Planes(draw(st.sampled_from(("none", "zero", "edge"))))
        read = Buffer(name, name, planes, *sides, layout=layout, external=len(maps) if own else None)
        maps[name] = fill(rng, (planes, *sides))
        return Spread(channels, read, offset if planes > 1 else 0)

    buffer = Buffer("in", "in", channels, height, width)
    maps["in"] = fill(rng, (channels, height, width))
    e: Expr = Multiply(channels, Load(channels, buffer), spread("gate"))
    if draw(st.booleans()):
        e = Add(channels, spread("shift"), e)
    if draw(st.booleans()):
        e = Multiply(channels, e, e)
    return Case(Stage.of("case", ("case",), (e,), draw(d.outputs(channels, height, width))), maps)


@d.BATCH
@given(cases=d.batches(products(), 16))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a channel has another's gate, or a column or row is not that of the map beside it."""
    on_host(cases)


@d.BATCH
@given(cases=d.batches(products(d.special_map), 8))
def test_special_values(on_host: Check, cases: list[Case]) -> None:
    """Fails where a NaN, an infinity or a signed zero is lost in a product."""
    on_host(cases, exact=False)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(products(d.real_map), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board rounds a product differently from this machine."""
    on_both(cases, exact=False)


def test_spread_by_hand() -> None:
    """Fails where the yardstick takes the wrong axis for the one that is spread."""
    x = np.arange(3, dtype=np.float32).reshape(3, 1, 1)
    found = Spread(2, Buffer("in", "in", 3, 1, 1), 1).reference(Inputs((), {"in": x}, 2, 2))
    np.testing.assert_array_equal(found, [[[1, 1], [1, 1]], [[2, 2], [2, 2]]])
