# SPDX-License-Identifier: Apache-2.0
"""PoolSum: the sum of 2x2 pixels; an odd last row or column is dropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Inputs
from biisnet.compile.kernels import PoolSum
from biisnet.compile.storage import Planes

from . import draw as d
from .conftest import Check
from .device import Case


@st.composite
def pools(draw: st.DrawFn) -> Case:
    """Even and odd sizes, down to one pixel of result."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    rows, columns = 2 * height + draw(st.integers(0, 1)), 2 * width + draw(st.integers(0, 1))
    channels, offset = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((0, 0, 3)))
    margin = draw(st.sampled_from(("none", "zero", "edge")))
    buffer = Buffer("in", "in", channels + offset, rows, columns, layout=Planes(margin))
    maps = {"in": draw(st.sampled_from((d.plain_map, d.special_map)))(rng, (buffer.channels, rows, columns))}
    return draw(d.around(PoolSum(channels, buffer, offset), height, width, maps))


@d.BATCH
@given(cases=d.batches(pools(), 16))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where even and odd columns or rows are paired wrongly."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(pools(), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's shuffles differ from this machine's."""
    on_both(cases)


def test_reference_by_hand() -> None:
    """Fails where the yardstick counts an odd row or column in."""
    x = np.array([[[1, 2, 9], [3, 4, 9], [9, 9, 9]]], np.float32)
    e = PoolSum(1, Buffer("in", "in", 1, 3, 3))
    np.testing.assert_array_equal(e.reference(Inputs((), {"in": x}, 1, 1)), [[[10]]])
