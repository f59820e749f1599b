# SPDX-License-Identifier: Apache-2.0
"""balance: what each of several threads does, by the plan's own list and rings."""

from __future__ import annotations

import pytest

from biisnet.compile.ir.plan import Plan
from biisnet.compile.passes.share_bands import TASKS
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.targets import resolve
from biisnet.tools.balance import balance
from biisnet.tools.models import resolve_model


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The shipped network's."""
    progress = Progress(PLAN_STEPS, lambda _: None)
    return make_plan(resolve_model(None), (128, 128), resolve("rpi4"), progress, DEFAULT)


@pytest.mark.parametrize(("threads", "least"), [(1, 1.0), (2, 1.9), (3, 2.75), (4, 3.4)])
def test_shipped_network(plan: Plan, threads: int, least: float) -> None:
    """Fails where threads wait for each other more than they may, or one has more to do."""
    costs = [float(s.stage.work.binary / 64 + s.stage.work.full + s.stage.map_bytes) for s in plan.kernels.steps]
    found = balance(plan, costs, threads)
    assert len(found.shares) == threads
    assert sum(found.shares) == pytest.approx(1)
    assert least <= found.speedup <= threads + 1e-9
    assert max(found.shares) <= 1.1 / threads


def test_small_maps_have_tasks_for_all(plan: Plan) -> None:
    """Fails where a map of 7 rows, which one thread computes in a band, is one thread's alone."""
    rows = plan.sharing.order.rows
    for step, n in zip(plan.kernels.steps, rows, strict=True):
        assert step.schedule.band % n == 0
        assert step.stage.parts or step.tasks(n) >= min(TASKS, step.stage.height)


def test_tasks_that_cost_more(plan: Plan) -> None:
    costs = [1.0] * len(plan.kernels.steps)
    assert balance(plan, costs, 4, 0.5 * sum(costs)).speedup == pytest.approx(0.5 * balance(plan, costs, 4).speedup)


def test_stage_that_costs_all(plan: Plan) -> None:
    """Fails where the bands of one stage are not given to several threads."""
    costs = [1e-9] * len(plan.kernels.steps)
    costs[3] = 1.0
    assert balance(plan, costs, 2).speedup > 1.5
