# SPDX-License-Identifier: Apache-2.0
"""Schedules: a kernel's kind is its main leaf; results do not depend on what is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import KINDS
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, Load, ScaleShift, Upsample
from biisnet.compile.kernels.row_kernel import build
from biisnet.compile.schedules import DEFAULT, SPACE, main_leaf, schedules_for
from biisnet.compile.storage import Planes
from biisnet.targets import TARGETS, resolve
from biisnet.targets.cores import GENERIC


def stage() -> Stage:
    """An interpolation and a plain map."""
    low, high = Buffer("low", "low", 8, 4, 20, layout=Planes("edge")), Buffer("high", "high", 8, 8, 40)
    shift = np.arange(8, dtype=np.float32)
    e = Add(8, ScaleShift(8, Load(8, high), shift, shift), Upsample(8, low, "linear"))
    return Stage.of("sum", (), (e,), [Buffer("out", "out", 8, 8, 40)])


def test_main_leaf() -> None:
    """Fails where a kernel is called after its cheapest part."""
    assert main_leaf(stage()) == "Upsample"


def test_every_kind_that_leads_has_a_schedule() -> None:
    """Fails where a stage of a new kind finds none, one is kept of a kind that there is not, or two kinds tie."""
    leading = {name: e.leads for name, e in KINDS.items() if e.leads is not None}
    assert leading.keys() == DEFAULT.kernels.keys() == SPACE.keys()
    assert len(set(leading.values())) == len(leading)


def test_targets() -> None:
    """Fails where a target's core does not reach its schedules."""
    of = {name: schedules_for(resolve(name).core) for name in TARGETS}
    assert of["rpi4"] == DEFAULT
    assert of["rpi3"].segment_bytes == of["rpi-zero2w"].segment_bytes < DEFAULT.segment_bytes
    assert all(schedules.segment_bytes == resolve(name).core.segment_bytes for name, schedules in of.items())
    assert not any(schedules.records for schedules in of.values())


@pytest.mark.parametrize("channels", [1, 2, 4, 8])
def test_a_schedule_changes_code_and_not_constants(channels: int) -> None:
    """Fails where blocking is ignored, or moves a constant."""
    default, changed = (build(stage(), "kernel", GENERIC, s) for s in (DEFAULT.of(stage()), Schedule(channels)))
    assert changed.parameters.to_bytes() == default.parameters.to_bytes()
    assert (str(changed.func) == str(default.func)) == (channels == DEFAULT.kernels["Upsample"].channels)
