# SPDX-License-Identifier: Apache-2.0
"""x + f(x), written where x was read: kernels of pixels and of channels, of one row and of bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import BinaryDot, Load, ScaleShiftAdd, TwoSlope
from biisnet.compile.kernels.row_kernel import build, key_of
from biisnet.compile.passes.choose_layouts import choose_layouts
from biisnet.compile.passes.reuse_places import reuse_places
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Bits, Planes
from biisnet.targets.cores import CORTEX_A72, GENERIC

from . import draw as d
from .conftest import Check
from .device import Case
from .integers import forced

WINDOW = Window((3, 3), pads=(1, 1, 1, 1))
SCHEDULES = [
    Schedule(2),
    Schedule(8, outer="channels"),
    Schedule(1, counted=4, vectors=2, outer="channels", band=2),
    Schedule(4, vectors=2, band=4),
]


def block(rng: np.random.Generator, channels: int, height: int, width: int, *, signs: bool) -> Case:
    """x + bn(conv(sign x)) with a two-slope, stored as numbers, and as signs too."""
    x, bits = (Buffer("x", "x", channels, height, width), Buffer("signs", "s", channels, height, width, Bits()))
    bits.layout = Planes("zero")
    dot = BinaryDot(channels, bits, rng.integers(0, 2, (channels, channels, 3, 3)).astype(bool), WINDOW)
    added = ScaleShiftAdd(channels, dot, Load(channels, x), d.constants(rng, channels), d.constants(rng, channels))
    e = TwoSlope(channels, added, d.constants(rng, channels), d.constants(rng, channels))
    outputs = [Buffer("y", "y", channels, height, width)]
    if signs:
        outputs.append(Buffer("y signs", "y", channels, height, width, Bits(), Planes("zero")))
    before = Stage.of("before", (), (Load(channels, Buffer("in", "in", channels, height, width)),), [x, bits])
    stage = Stage.of("block", (), (e,), outputs)
    reuse_places(choose_layouts(Program("net", [before, stage], [], []), CORTEX_A72))
    assert outputs[0].replaces is x
    size = (channels, height, width)
    return Case(stage, {"x": d.plain_map(rng, size), "signs": rng.integers(0, 2, size).astype(bool)})


@st.composite
def blocks(draw: st.DrawFn) -> Case:
    """Of few channels, and of so many that lanes are channels."""
    height, width = draw(d.sizes())
    channels = draw(st.sampled_from((3, 8, 16, 24, 128)))
    return block(draw(d.generators()), channels, height, width, signs=draw(st.booleans()))


@d.BATCH
@given(cases=d.batches(blocks(), 6))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where an element is overwritten before it is read, or the old map is looked for where it was."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(blocks(), 4))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's code differs from this machine's."""
    on_both(cases)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(on_host: Check, schedule: Schedule) -> None:
    """Fails where a schedule goes on to a place that has been written."""
    rng = np.random.default_rng(1)
    cases = [block(rng, 16, 7, width, signs=signs) for width in (5, 33, 64) for signs in (True, False)]
    on_host(cases, schedules=forced(schedule))


def test_it_has_one_pointer_and_the_key_of_the_other() -> None:
    """Fails where a kernel has two pointers to one memory, which LLVM takes for two, or records are lost."""
    stage = block(np.random.default_rng(0), 8, 4, 20, signs=False).stage
    schedule = DEFAULT.of(stage)
    own, apart = (build(stage, "kernel", GENERIC, schedule, apart=apart) for apart in (False, True))
    assert len(own.func.params) == len(apart.func.params) - 1
    assert own.operands == apart.operands
    key = key_of(stage, GENERIC, schedule)
    stage.outputs[0].replaces = None
    assert key_of(stage, GENERIC, schedule) == key
