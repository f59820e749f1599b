# SPDX-License-Identifier: Apache-2.0
"""Load: the map itself, a part of its channels, cropped, or its border repeated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Inputs
from biisnet.compile.kernels import Load
from biisnet.compile.storage import Planes

from . import draw as d
from .conftest import Check
from .device import Case


@st.composite
def loads(draw: st.DrawFn) -> Case:
    """Maps smaller, larger and as large as the stage, of the user's and the arena's."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    rows, columns = draw(st.sampled_from([(height, width), draw(d.sizes())]))
    channels, offset = draw(st.sampled_from(d.CHANNELS)), draw(st.sampled_from((0, 0, 1, 8)))
    external = draw(st.sampled_from((None, 0)))
    margin = "none" if external is not None else draw(st.sampled_from(("none", "zero", "edge")))
    buffer = Buffer("in", "in", channels + offset, rows, columns, layout=Planes(margin), external=external)
    maps = {"in": draw(st.sampled_from((d.plain_map, d.special_map)))(rng, (buffer.channels, rows, columns))}
    return draw(d.around(Load(channels, buffer, offset), height, width, maps))


@d.BATCH
@given(cases=d.batches(loads(), 16))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a load reads another pixel, or a store puts it elsewhere."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(loads(), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's code differs from the reference or from this machine's."""
    on_both(cases)


def test_reference_by_hand() -> None:
    """Fails where the yardstick itself crops or repeats wrongly."""
    x = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    e = Load(1, Buffer("in", "in", 2, 2, 3), 1)
    np.testing.assert_array_equal(e.reference(Inputs((), {"in": x}, 3, 2)), [[[6, 7], [9, 10], [9, 10]]])
    np.testing.assert_array_equal(e.reference(Inputs((), {"in": x}, 1, 5)), [[[6, 7, 8, 8, 8]]])
