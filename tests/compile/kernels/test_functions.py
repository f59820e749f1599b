# SPDX-License-Identifier: Apache-2.0
"""Exp, Log, Round, SquareRoot, Divide and ReduceChannels: what softmax and a layer's norm are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Divide, Exp, Load, Log, ReduceChannels, Round, SquareRoot
from biisnet.compile.storage import Planes
from biisnet.targets import resolve

from . import draw as d
from .conftest import Check
from .device import Case, run

HALVES = np.concatenate([np.arange(40) / 2, 2.0**22 + np.arange(8) / 2, 2.0**23 + np.arange(4)])
EVERYWHERE = np.concatenate(
    [
        np.linspace(-110, 110, 4001),
        np.logspace(-45, 38, 900),
        -np.logspace(-45, 38, 900),
        d.SPECIAL,
        [88.72, -87.34],
        HALVES,
        -HALVES,
    ]
).astype(np.float32)
FUNCTIONS: dict[type[Expr], Callable[[d.Array], d.Array]] = {
    Exp: np.exp,
    Log: np.log,
    Round: np.round,
    SquareRoot: np.sqrt,
}


@st.composite
def reductions(draw: st.DrawFn, fill: d.Maps = d.plain_map) -> Case:
    """The sum or maximum of all channels, of any margin."""
    rng, (height, width) = draw(d.generators()), draw(d.sizes())
    channels, of = draw(st.sampled_from((1, 2, 3, 8, 17, 65))), draw(st.sampled_from(("sum", "max")))
    layout = Planes(draw(st.sampled_from(("none", "zero", "edge"))))
    buffer = Buffer("in", "in", channels, height, width, layout=layout)
    maps = {"in": fill(rng, (channels, height, width))}
    return draw(d.around(ReduceChannels(1, buffer, of), height, width, maps))


@st.composite
def quotients(draw: st.DrawFn, fill: d.Maps = d.special_map) -> Case:
    """One map by another, zeros among them."""
    rng, (height, width), channels = draw(d.generators()), draw(d.sizes()), draw(st.sampled_from((1, 3, 8)))
    a, b = (Load(channels, Buffer(n, n, channels, height, width)) for n in "ab")
    maps = {n: fill(rng, (channels, height, width)) for n in "ab"}
    out = draw(d.outputs(channels, height, width))
    return Case(Stage.of("case", ("case",), (Divide(channels, a, b),), out), maps)


@d.BATCH
@given(cases=d.batches(st.one_of(reductions(), reductions(d.special_map), quotients()), 16))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where a channel is left out, or taken twice, or a NaN is."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(st.one_of(reductions(), quotients(d.real_map)), 8))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board rounds differently from this machine."""
    on_both(cases)


def ramp(cls: type[Expr], channels: int = 1) -> Case:
    """A function of all kinds of numbers."""
    load = Load(channels, Buffer("in", "in", channels, 1, EVERYWHERE.size))
    out = [Buffer("map", "out", channels, 1, EVERYWHERE.size)]
    maps = {"in": np.stack([np.roll(EVERYWHERE, i) for i in range(channels)])[:, None]}
    return Case(Stage.of("case", ("case",), (cls(channels, load),), out), maps)  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", FUNCTIONS, ids=lambda cls: cls.__name__)
def test_functions_everywhere(cls: type[Expr], folders: Callable[..., object]) -> None:
    """Fails where a polynomial, an exponent's bits or a special value is wrong by more than three units in the last
    place, of two channels in a row."""
    case = ramp(cls, 2)
    ((stored),) = run([case], resolve("host"), folders())  # type: ignore[arg-type]
    (found,) = stored.values()
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[cls](case.maps["in"].astype(np.float64))
        expected = exact.astype(np.float32)
    near = 3 * np.spacing(np.abs(np.where(np.isfinite(expected), expected, 1)))
    equal = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        wrong = ~equal & ~(np.abs(found - exact) <= near)
    assert not wrong.any(), (case.maps["in"][wrong][:5], found[wrong][:5], expected[wrong][:5])


@pytest.mark.emulator
def test_functions_emulated(on_both: Check) -> None:
    """Fails where the board computes another function than this machine."""
    on_both([ramp(cls) for cls in FUNCTIONS], exact=False)
