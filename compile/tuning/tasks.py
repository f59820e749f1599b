# SPDX-License-Identifier: Apache-2.0
"""What there is to tune in a model: each distinct kernel once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..ir.plan import Plan
from ..ir.stages import Stage
from ..kernels.row_kernel import build, key_of


@dataclass(frozen=True)
class Task:
    """A kernel, by a stage that uses it."""

    name: str
    key: str
    stage: Stage
    uses: int  # stages that use it


def tasks_of(plan: Plan) -> list[Task]:
    """The kernels of a plan, in the order that they run first."""
    uses = Counter(step.kernel for step in plan.kernels.steps)
    stages = {step.kernel: step.stage for step in reversed(plan.kernels.steps)}
    return [make_task(name, stages[name], n) for name, n in uses.items()]


def make_task(name: str, stage: Stage, uses: int) -> Task:
    """The task of a stage's kernel."""
    return Task(name, key_of(build(stage, "kernel")), stage, uses)
