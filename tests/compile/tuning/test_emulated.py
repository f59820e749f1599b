# SPDX-License-Identifier: Apache-2.0
"""Measuring on the emulated device: repeatable, and no candidate counts whose result is wrong."""

from dataclasses import replace
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import (
    BinaryDot,
    ChannelConvolution,
    ChannelDepthwise,
    Convolution,
    Load,
    ScaleShift,
    row_kernel,
)
from biisnet.compile.kernels.channel_shares import shares_of
from biisnet.compile.kernels.row_kernel import RowKernel, build
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Bits, Interleaved, Planes
from biisnet.compile.tuning import bench
from biisnet.compile.tuning.emulated import REJECTED, Emulated
from biisnet.compile.tuning.meter import Measurement
from biisnet.targets import resolve
from biisnet.targets.cores import Core
from biisnet.targets.device_cost import DeviceCost

RPI4 = resolve("rpi4")
DEVICE = Emulated(RPI4)


def counting() -> Stage:
    """A binary convolution of 16 channels on 6x40 pixels, its result stored as float32."""
    bits = Buffer("bits", "x", 16, 6, 40, Bits(), Planes("zero"))
    rng = np.random.default_rng(0)
    dot = BinaryDot(16, bits, rng.integers(0, 2, (16, 16, 3, 3)).astype(bool), Window((3, 3), pads=(1, 1, 1, 1)))
    shift = rng.standard_normal(16).astype(np.float32)
    return Stage.of("counting", (), (ScaleShift(16, dot, shift, shift),), [Buffer("y", "y", 16, 6, 40)])


def reading() -> Stage:
    """The model's own input, as the first stage reads it, and its own output."""
    image = Buffer("image", "image", 1, 6, 20, external=0)
    shift = np.ones(1, np.float32)
    return Stage.of("reading", (), (ScaleShift(1, Load(1, image), shift, shift),), [replace(image, name="out")])


def wrong_with_four(stage: Stage, name: str, core: Core, schedule: Schedule) -> RowKernel:
    """`build`, whose kernel computes something else where four channels are computed side by side."""
    if schedule.channels == 4:
        ((x,),) = stage.results
        stage = replace(stage, results=[(replace(x, shift=x.shift + 1),)])  # type: ignore[type-var, attr-defined]
    return build(stage, name, core, schedule)


def idle_with_four(stage: Stage, name: str, core: Core, schedule: Schedule) -> RowKernel:
    """`build`, whose kernel stores nothing where four channels are computed side by side."""
    if schedule.channels != 4:
        return build(stage, name, core, schedule)
    with patch.object(row_kernel, "emit_columns"), patch.object(Planes, "emit_margins"):
        return build(stage, name, core, schedule)


@pytest.mark.emulator
@pytest.mark.parametrize("stage", [counting, reading])
def test_costs_repeat(stage: Any, emulated: None, llvm: None) -> None:
    """The same program costs the same. With other candidates before and behind it, at another place in memory, a
    candidate's cycles are the same, and so but for a few lines is what it misses."""
    schedules = [DEFAULT.of(stage()), Schedule(1), Schedule(4, counted=2), Schedule(2, unrolled=2)]
    first = measure(stage(), schedules)
    assert measure(stage(), schedules) == first
    for found, wanted in (
        (measure(stage(), schedules[:2]), first[:2]),
        (measure(stage(), [schedules[0], *reversed(schedules[1:])]), [first[0], *reversed(first[1:])]),
    ):
        assert [m.cycles for m in found] == [m.cycles for m in wanted]
        for one, other in zip(found, wanted, strict=True):
            assert other.l1d_misses is not None
            assert one.l1d_misses == pytest.approx(other.l1d_misses, abs=64)


def measure(stage: Stage, schedules: list[Schedule]) -> list[Measurement]:
    """Measurements, none of them rejected."""
    found = DEVICE.measure(stage, schedules)
    for result in found:
        assert isinstance(result, Measurement), result
        assert result.cycles
        assert result.seconds == DeviceCost.of(RPI4, result.cycles, result.l1d_misses, result.dram_bytes).seconds
    return cast("list[Measurement]", found)


@pytest.mark.emulator
def test_a_core_whose_memory_nobody_has_measured(emulated: None, llvm: None) -> None:
    """Fails where another core's charge is taken for its own; what was counted is kept."""
    device = Emulated(resolve("rpi3"))
    (found,) = device.measure(reading(), [Schedule(1)])
    assert isinstance(found, Measurement)
    assert found.cycles
    assert found.l1d_misses is not None
    assert found.seconds == found.cycles / 1.2e9
    assert (device.measured_by, DEVICE.measured_by) == ("model cycles", "model time")


@pytest.mark.emulator
@pytest.mark.parametrize("bad", [wrong_with_four, idle_with_four])
def test_a_wrong_candidate_is_rejected(bad: Any, emulated: None, llvm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stores nothing leaves what the one before it stored, unless that is overwritten."""
    monkeypatch.setattr(bench, "build", bad)
    right, rejected = DEVICE.measure(counting(), [Schedule(2), Schedule(4)])
    assert isinstance(right, Measurement)
    assert rejected == REJECTED


@pytest.mark.parametrize(("groups", "kind"), [(1, ChannelConvolution), (32, ChannelDepthwise)])
def test_tiles_are_no_matter_of_the_result(groups: int, kind: type[Convolution], emulated: None, llvm: None) -> None:
    """Fails where a sum is rounded to something else in a tile of few pixels, so that its schedule is rejected."""
    rng, layout = np.random.default_rng(0), Interleaved(8, 1, 1)
    x = Buffer("x", "x", 32, 3, 7, layout=layout)
    weight = rng.standard_normal((32, 32 // groups, 3, 3)).astype(np.float32)
    e = kind(32, x, weight, np.zeros(32, np.float32), Window((3, 3), pads=(1, 1, 1, 1)), groups)
    stage = Stage.of("sums", (), (e,), [Buffer("y", "y", 32, 3, 7, layout=Interleaved(8))])
    default = DEFAULT.of(stage)
    found = DEVICE.measure(stage, [replace(default, pixels=most) for most in (8, 6, 5, 4)])
    assert all(isinstance(outcome, Measurement) for outcome in found), found


def test_shares_are_no_matter_of_the_result(emulated: None, llvm: None) -> None:
    """Fails where a sum is rounded to something else in the shares that a band's inputs are cut into."""
    rng, layout = np.random.default_rng(0), Interleaved(8)
    x = Buffer("x", "x", 256, 7, 7, layout=layout)
    weight = rng.standard_normal((16, 256, 1, 1)).astype(np.float32)
    e = ChannelConvolution(16, x, weight, np.zeros(16, np.float32), Window((1, 1)))
    stage = Stage.of("sums", (), (e,), [Buffer("y", "y", 16, 7, 7, layout=layout)])
    schedules = [replace(DEFAULT.of(stage), band=band) for band in (1, 4, 8)]
    assert [shares_of(stage, schedule) is None for schedule in schedules] == [True, False, False]
    found = DEVICE.measure(stage, schedules)
    assert all(isinstance(outcome, Measurement) for outcome in found), found
