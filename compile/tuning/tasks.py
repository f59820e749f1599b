"""What there is to tune in a model: each distinct kernel once."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

from ..kernels.row_kernel import build
from ..plan import Plan
from ..program import Stage


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
    return [Task(name, key_of(stages[name]), stages[name], n) for name, n in uses.items()]


def key_of(stage: Stage) -> str:
    """What tells a stage's kernel from all that compute something else: the SHA-256 of its TIR in the default schedule.

    Stages that differ in their constants alone have one kernel, and one key.
    """
    return hashlib.sha256(build(stage, "kernel").func.script().encode()).hexdigest()
