# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies of integer kernels: constants, stored forms, and a stage around a sum."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Requantize
from biisnet.compile.schedules import Schedules
from biisnet.compile.storage import Integer, IntegerBits, Planes

from . import draw as d
from .device import Case

BYTE, WORD = np.iinfo(np.int8), np.iinfo(np.int16)


class Forced(Schedules):
    """One schedule for every kernel."""

    schedule = Schedule()

    def of(self, stage: Stage) -> Schedule:
        return self.schedule


def forced(schedule: Schedule) -> Schedules:
    """Schedules that have one for all."""
    found = Forced()
    object.__setattr__(found, "schedule", schedule)
    return found


def int8s(rng: np.random.Generator, shape: int | tuple[int, ...], most: int = 127) -> d.Array:
    """Numbers of -most-1 .. most, a quarter of them at the ends."""
    ends = rng.choice([-most - 1, most], shape)
    return np.where(rng.random(shape) < 0.25, ends, rng.integers(-most - 1, most + 1, shape)).astype(np.int8)


def thresholds(rng: np.random.Generator, channels: int) -> list[d.Array]:
    """No threshold, the ends, one that nothing reaches, and all of them mixed."""
    same = [np.full(1, v, np.int16) for v in (0, -128, 127, 128)]
    return [*same, rng.choice([-128, -1, 0, 5, 127, 128], channels).astype(np.int16)]


@st.composite
def outputs(draw: st.DrawFn, channels: int, height: int, width: int) -> list[Buffer]:
    """Up to three stored forms of an int8 map."""
    rng, buffers = draw(d.generators()), []
    for n in range(draw(st.integers(1, 3))):
        shape = (f"out{n}", "value", channels, height, width)
        if draw(st.booleans()):
            buffers.append(Buffer(*shape, Integer(), Planes(draw(st.sampled_from(("none", "zero", "edge"))))))
            continue
        groups = draw(st.sampled_from(d.groups_of(channels)))
        bits = IntegerBits(groups, draw(st.sampled_from(thresholds(rng, channels))))
        buffers.append(Buffer(*shape, bits, Planes(draw(st.sampled_from(("none", "zero"))))))
    return buffers


@st.composite
def around(draw: st.DrawFn, e: Expr, height: int, width: int, maps: dict[str, d.Array]) -> Case:
    """A stage that stores int8 values."""
    return Case(Stage.of("case", ("case",), (e,), draw(outputs(e.channels, height, width))), maps)


@st.composite
def requantized(draw: st.DrawFn, e: Expr, height: int, width: int, maps: dict[str, d.Array], most: int) -> Case:
    """A stage that stores a sum of at most `most` shifted, of 8 bits or of 16."""
    rng = draw(d.generators())
    room = WORD.max - most
    assert room >= 0
    bias = rng.integers(-room, room + 1, e.channels).astype(np.int16)
    if draw(st.integers(0, 4)) == 0:
        out = [Buffer("out", "value", e.channels, height, width, Integer("int16"))]
        shift = draw(st.sampled_from((0, 0, 1, 3, 15)))
        return Case(Stage.of("case", ("case",), (Requantize(e.channels, e, bias, shift, 16),), out), maps)
    whole = Requantize(e.channels, e, bias, draw(st.integers(0, 15)))
    return draw(around(whole, height, width, maps))
