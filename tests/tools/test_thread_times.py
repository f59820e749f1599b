# SPDX-License-Identifier: Apache-2.0
"""Times of several threads from the costs of one."""

from __future__ import annotations

import pytest

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.ir.plan import Plan
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.targets import Target, resolve
from biisnet.targets.device_cost import DeviceCost
from biisnet.tools.analysis import Analysis, StageCost
from biisnet.tools.thread_times import thread_times

SIZE = (64, 64)


@pytest.fixture(scope="module")
def plan(tiny: OnnxModel) -> Plan:
    """The tiny network's."""
    return make_plan(tiny, SIZE, resolve("rpi4"), Progress(PLAN_STEPS, lambda _: None), DEFAULT)


def analysis(plan: Plan, target: Target, dram: float | None, misses: float | None = 1500.0) -> Analysis:
    """Stages of 150 thousand cycles each, 1.5 million outside of them."""
    each, other = DeviceCost.of(target, 15e4, misses, dram), DeviceCost.of(target, 15e5, misses and 0, dram and 0)
    stages = tuple(StageCost(s.stage.name, s.kernel, 0, 0, 0, each, None) for s in plan.kernels.steps)
    return Analysis("rpi4", target.cpu, SIZE, stages, other, each * len(stages) + other, 0)


def shared(found: Analysis) -> list[DeviceCost]:
    """As if several threads' tasks cost what one's do."""
    return [stage.cost for stage in found.stages]


def test_one_thread_takes_the_models_time(plan: Plan) -> None:
    target = resolve("rpi4")
    found = analysis(plan, target, 4e6)
    one, *more = thread_times(plan, found, shared(found), target)
    assert (one.threads, one.shares, one.speedup) == (1, (1.0,), pytest.approx(1.0))
    assert one.seconds == pytest.approx(found.cost.seconds)
    assert one.arena_bytes == plan.arena_bytes(1)
    assert [t.threads for t in more] == [2, 3, 4]
    assert all(t.arena_bytes == plan.arena_bytes(4) for t in more)


def test_what_is_not_divided(plan: Plan) -> None:
    """Fails where threads are said to share out DRAM's time, or what is outside of kernels."""
    target, stages = resolve("rpi4"), len(plan.kernels.steps)
    for dram in (0.0, 4e6):
        found = analysis(plan, target, dram)
        for t in thread_times(plan, found, shared(found), target):
            core = stages * (15e4 + 1500 * 9.9) / 1.5e9
            assert t.seconds == pytest.approx(core / t.speedup + 1e-3 + stages * dram / 4e9)
            assert t.threads == 1 or t.speedup > 1.2


def test_shorter_tasks_cost_more(plan: Plan) -> None:
    """Fails where several threads are said to gain by what their own tasks cost more, or not to pay for its DRAM."""
    target, stages = resolve("rpi4"), len(plan.kernels.steps)
    found = analysis(plan, target, 4e5)
    as_long = thread_times(plan, found, shared(found), target)
    dearer = thread_times(plan, found, [cost * 2 for cost in shared(found)], target)
    assert dearer[0] == as_long[0]
    for a, b in zip(as_long[1:], dearer[1:], strict=True):
        assert b.speedup == pytest.approx(a.speedup / 2)
        core = stages * (15e4 + 1500 * 9.9) / 1.5e9
        assert b.seconds == pytest.approx(2 * core / a.speedup + 1e-3 + stages * 8e5 / 4e9)


def test_cycles_alone_have_no_time(plan: Plan) -> None:
    target = resolve("rpi4")
    costs = analysis(plan, target, None, None)
    found = thread_times(plan, costs, shared(costs), target)
    assert [t.seconds for t in found] == [None] * 4
    assert found[1].speedup > 1.2
