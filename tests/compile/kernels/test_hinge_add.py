# SPDX-License-Identifier: Apache-2.0
"""HingeAdd: RPReLU of an accumulator onto a residual, its knee and its signs compared as integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import HingeAdd, Load
from biisnet.compile.storage import Bits, Planes

from . import draw as d
from .conftest import Check
from .device import Case
from .test_binary_dot import LARGE, PLAIN_3X3, SMALL, dot


def bend(rng: np.random.Generator, shape: tuple[int, int, int], rows: int, columns: int, pad_shift: int) -> Case:
    """A block's first half: knees within and at the ends of the accumulators' range, a residual of special values."""
    e, bits = dot(rng, shape, rows, columns, PLAIN_3X3, pad_shift, centred=True)
    n, lowest = e.channels, 2 * e.centre / 3
    knee = e.centre + d.dyadic(rng, n, 0.25, 256)
    knee[rng.random(n) < 0.2] = lowest
    residual = Buffer("residual", "residual", n, rows, columns)
    steepness = d.constants(rng, n) + np.float32(0)  # no -0.0, as the pass makes it
    node = HingeAdd(
        n, e, Load(n, residual), d.constants(rng, n), steepness, np.maximum(knee, lowest).astype(np.float32)
    )
    out = [
        Buffer("bits", "sum", n, rows, columns, Bits(), Planes("zero")),
        Buffer("sum", "sum", n, rows, columns),
        Buffer("above", "sum", n, rows, columns, Bits(threshold=d.dyadic(rng, n))),
    ]
    maps = {"in": bits, "residual": d.special_map(rng, (n, rows, columns))}
    return Case(Stage.of("case", ("case",), (node,), out), maps)


@st.composite
def bends(draw: st.DrawFn) -> Case:
    """Any size, few taps."""
    rng, (rows, columns) = draw(d.generators()), draw(d.sizes())
    return bend(rng, draw(st.sampled_from(SMALL)), rows, columns, draw(st.integers(0, 2)))


@d.BATCH
@given(cases=d.batches(bends(), 12))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a knee is taken on the wrong side, or the sign of NaN or zero is."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(bends(), 6))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's integers are ordered otherwise than its floats."""
    on_both(cases)


@pytest.mark.emulator
def test_many_channels(on_both: Check) -> None:
    """Fails where a binade is too small for C = 16, 24, 32 or 64."""
    on_both([bend(np.random.default_rng(n), shape, 5, 35, 1) for n, shape in enumerate(LARGE)])


def test_all_bits_differ(on_host: Check) -> None:
    """Fails where the least or the largest accumulator leaves its binade."""
    cases = []
    for n, shape in enumerate(LARGE):
        for inverted in (False, True):
            case = bend(np.random.default_rng(n), shape, 3, 33, 1)
            ((node,), *_) = case.stage.results
            assert isinstance(node, HingeAdd)
            node.x.signs[:] = True  # type: ignore[attr-defined]
            case.maps["in"][:] = inverted
            cases.append(case)
    on_host(cases)


def test_zero_is_above(on_host: Check) -> None:
    """Fails where a sum that is exactly zero is taken for negative."""
    case = bend(np.random.default_rng(0), (1, 16, 8), 3, 20, 1)
    ((node,), *_) = case.stage.results
    assert isinstance(node, HingeAdd)
    flat = replace(node, slope=np.zeros(8, np.float32), bend=np.zeros(8, np.float32))
    case.stage.results[:] = [(flat,)] * 3
    case.maps["residual"][:] = np.where(np.arange(20) % 2, np.float32(-0.0), np.float32(0))
    on_host([case])
