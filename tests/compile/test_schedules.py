# SPDX-License-Identifier: Apache-2.0
"""Schedules: a kernel's kind is its main leaf; results do not depend on what is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, Load, ScaleShift, Upsample
from biisnet.compile.kernels.row_kernel import build
from biisnet.compile.schedules import BY_TARGET, DEFAULT, MAIN_LEAF, main_leaf, schedules_for
from biisnet.targets import TARGETS


def stage() -> Stage:
    """An interpolation and a plain map."""
    low, high = Buffer("low", "low", 8, 4, 20, margin="edge"), Buffer("high", "high", 8, 8, 40)
    shift = np.arange(8, dtype=np.float32)
    e = Add(8, ScaleShift(8, Load(8, high), shift, shift), Upsample(8, low, "linear"))
    return Stage.of("sum", (), (e,), [Buffer("out", "out", 8, 8, 40)])


def test_main_leaf() -> None:
    """Fails where a kernel is called after its cheapest part."""
    assert main_leaf(stage()) == "Upsample"
    assert set(DEFAULT.kernels) == set(MAIN_LEAF)


def test_targets() -> None:
    """Fails where a schedule is kept for a device that there is not."""
    assert set(BY_TARGET) <= set(TARGETS)
    assert schedules_for("rpi4") is DEFAULT
    assert schedules_for("rpi3").segment_bytes < DEFAULT.segment_bytes


@pytest.mark.parametrize("channels", [1, 2, 4, 8])
def test_a_schedule_changes_code_and_not_constants(channels: int) -> None:
    """Fails where blocking is ignored, or moves a constant."""
    default, changed = build(stage(), "kernel"), build(stage(), "kernel", Schedule(channels))
    assert changed.parameters.to_bytes() == default.parameters.to_bytes()
    assert (str(changed.func) == str(default.func)) == (channels == DEFAULT.kernels["Upsample"].channels)
