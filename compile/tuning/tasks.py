# SPDX-License-Identifier: Apache-2.0
"""Tuning tasks of a model: each distinct kernel once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ...targets.cores import Core
from ..ir.plan import Plan
from ..ir.stages import Stage
from ..kernels.issue_bound import issue_bound
from ..kernels.row_kernel import key_of
from ..schedules import DEFAULT


@dataclass(frozen=True)
class Task:
    """A kernel, by a stage that uses it."""

    name: str
    key: str
    stage: Stage
    uses: int  # stages that use it
    bound: float | None  # cycles of its issue bound, where the core's is known


def tasks_of(plan: Plan, core: Core) -> list[Task]:
    """The kernels of a plan, in the order that they run first."""
    uses = Counter(step.kernel for step in plan.kernels.steps)
    stages = {step.kernel: step.stage for step in reversed(plan.kernels.steps)}
    return [make_task(name, stages[name], n, core) for name, n in uses.items()]


def make_task(name: str, stage: Stage, uses: int, core: Core) -> Task:
    """The task of a stage's kernel."""
    return Task(name, key_of(stage, core, DEFAULT.of(stage)), stage, uses, issue_bound(stage, core))
