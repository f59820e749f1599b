# SPDX-License-Identifier: Apache-2.0
"""Element-wise work: ScaleShift, TwoSlope, Clamp, Add, Sigmoid and RepeatChannels, alone and in chains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, Clamp, Load, RepeatChannels, ScaleShift, Sigmoid, TwoSlope
from biisnet.compile.storage import Bits

from . import draw as d
from .conftest import Check
from .device import Case


@st.composite
def chains(draw: st.DrawFn, fill: d.Maps = d.special_map) -> Case:
    """One to four nodes over one map and its copies."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    channels = draw(st.sampled_from((1, 3, 8, 9, 16)))
    buffer = Buffer("in", "in", channels, height, width)
    e: Expr = Load(channels, buffer)
    kinds = draw(st.lists(st.sampled_from(("scale", "two_slope", "clamp", "add", "spread")), min_size=1, max_size=3))
    for kind in kinds:
        if kind == "scale":
            e = ScaleShift(e.channels, e, d.constants(rng, e.channels), d.constants(rng, e.channels))
        elif kind == "two_slope":
            e = TwoSlope(e.channels, e, d.constants(rng, e.channels), d.constants(rng, e.channels))
        elif kind == "clamp":
            bounds = np.sort([d.constants(rng, e.channels), d.constants(rng, e.channels)], axis=0)
            e = Clamp(e.channels, e, *bounds)
        elif kind == "add":
            e = Add(e.channels, e, TwoSlope(e.channels, e, d.constants(rng, e.channels), d.constants(rng, e.channels)))
        elif e.channels <= 9:
            e = RepeatChannels(e.channels * draw(st.sampled_from((2, 3))), e)
    maps = {"in": fill(rng, (channels, height, width))}
    return Case(Stage.of("case", ("case",), (e,), draw(d.outputs(e.channels, height, width))), maps)


@d.BATCH
@given(cases=d.batches(chains(), 10))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a constant belongs to another channel, or NaN, an infinity or a signed zero is mistreated."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(chains(d.real_map), 5))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board rounds differently from this machine."""
    on_both(cases, exact=False)


def ramp(e: type[Expr], x: d.Array, *constants: float) -> Case:
    """One node over one row of numbers, stored as numbers and as bits (threshold 0)."""
    n = x.size
    load = Load(1, Buffer("in", "in", 1, 1, n))
    node = e(1, load, *(np.array([c], np.float32) for c in constants))  # type: ignore[call-arg]
    out = [Buffer("map", "out", 1, 1, n), Buffer("bits", "out", 1, 1, n, Bits())]
    return Case(Stage.of("case", ("case",), (node,), out), {"in": x.reshape(1, 1, n)})


@pytest.mark.parametrize("channels", [1, 3])
def test_sigmoid_after_others(on_host: Check, channels: int) -> None:
    """Fails where the logistic function is taken of another channel's value (few: it is long code, and unrolled)."""
    rng, buffer = np.random.default_rng(0), Buffer("in", "in", channels, 3, 33)
    scaled = ScaleShift(channels, Load(channels, buffer), d.constants(rng, channels), d.constants(rng, channels))
    out = [
        Buffer("map", "out", channels, 3, 33, external=0),
        Buffer("bits", "out", channels, 3, 33, Bits(threshold=np.full(1, 0.5, np.float32))),
    ]
    maps = {"in": d.special_map(rng, (channels, 3, 33))}
    on_host([Case(Stage.of("case", ("case",), (Sigmoid(channels, scaled),), out), maps)], exact=False)


@pytest.mark.emulator
def test_special_values(on_both: Check) -> None:
    """Fails where NaN is not below the threshold, -0.0 is, a slope of either is wrong, or Clamp bounds NaN."""
    x = np.concatenate([d.SPECIAL, np.array([1e-45, -1e-45, 3.4e38, -3.4e38, 1, -1], np.float32)])
    on_both(
        [
            ramp(TwoSlope, x, 1, 0),
            ramp(TwoSlope, x, -1, 2),
            ramp(TwoSlope, x, 3e38, -3e38),
            ramp(Clamp, x, -1, 1),
            ramp(Clamp, x, 0, 0),
            ramp(Clamp, x, 0, np.inf),
            ramp(Clamp, x, -1, np.inf),
            ramp(ScaleShift, x, 1, 0),
            ramp(ScaleShift, x, 0, -1),
            ramp(ScaleShift, x, 1, np.inf),
        ]
    )


@pytest.mark.emulator
def test_sigmoid_everywhere(on_both: Check) -> None:
    """Fails where the polynomial, the exponent's bits or the bounds of exp are wrong."""
    x = np.concatenate(
        [np.linspace(-110, 110, 4001), np.logspace(-38, 38, 500), -np.logspace(-38, 38, 500), d.SPECIAL]
    ).astype(np.float32)
    on_both([ramp(Sigmoid, x)], exact=False)
