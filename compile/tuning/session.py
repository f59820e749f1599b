# SPDX-License-Identifier: Apache-2.0
"""A tuning session: every schedule of every kernel is measured once, and recorded as soon as it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from ..ir.schedule import Schedule
from ..schedules import DEFAULT, main_leaf, space_of
from .meter import Meter
from .records import Records
from .tasks import Task
from .trials import Trial

BATCH = 12
"""Candidates of a kernel that are measured together, in one program: what `kill -9` may lose."""


@dataclass(frozen=True)
class Batch:
    """A task after some of its candidates were measured."""

    task: Task
    new: int  # trials of this batch
    trials: int  # recorded of all tasks together
    of: int  # that will be, when the session is through
    best: float | None  # seconds
    rejected: str | None  # why the last rejected one of these was


class Session:
    """One session; what the records have already is not measured again."""

    def __init__(
        self,
        tasks: Sequence[Task],
        meter: Meter,
        records: Records,
        report: Callable[[Batch], None],
        trials: int | None = None,
        budget: float = math.inf,
    ) -> None:
        """At most `trials` measurements (None: all that there are), begun within `budget` seconds."""
        self.tasks, self.meter, self.records, self.report = tasks, meter, records, report
        self.deadline = time.monotonic() + budget
        self.known: set[tuple[str, Schedule]] = set()
        self.best: dict[str, float] = {}
        for trial in records.trials():
            self.note(trial)
        there = sum(len(self.untried(task)) for task in tasks)
        self.left = there if trials is None else min(trials, there)
        self.of = self.done + self.left

    def run(self) -> None:
        """Measure until all is measured, or the limits are reached. Raises what the meter raises."""
        for task, schedules in self.batches():
            if time.monotonic() > self.deadline or self.left == 0:
                return
            self.measure(task, schedules[: self.left])

    def batches(self) -> Iterator[tuple[Task, list[Schedule]]]:
        """The work: each kernel's default schedule, so that no recorded best is slower; then all others, of the kernel
        first that costs the most."""
        for task in self.tasks:
            default = DEFAULT.of(task.stage)
            if (task.key, default) not in self.known:
                yield task, [default]
        for task in sorted(self.tasks, key=self.cost, reverse=True):
            rest = self.untried(task)
            for start in range(0, len(rest), BATCH):
                yield task, rest[start : start + BATCH]

    def measure(self, task: Task, schedules: Sequence[Schedule]) -> None:
        """Measure and record schedules of a task's kernel."""
        default = DEFAULT.of(task.stage)
        # the default one comes first in any measurement, for its result
        asked = [default, *(s for s in schedules if s != default)]
        found = self.meter.measure(task.stage, asked)[-len(schedules) :]
        trials = [
            Trial(task.key, task.name, s, None, f) if isinstance(f, str) else Trial(task.key, task.name, s, **asdict(f))
            for s, f in zip(schedules, found, strict=True)
        ]
        for trial in trials:
            self.records.add(trial)
            self.note(trial)
        self.left -= len(trials)
        last = next((t.rejected for t in reversed(trials) if t.rejected), None)
        self.report(Batch(task, len(trials), self.done, self.of, self.best.get(task.key), last))

    def note(self, trial: Trial) -> None:
        """Remember a trial."""
        self.known.add((trial.key, trial.schedule))
        if trial.seconds is not None:
            self.best[trial.key] = min(trial.seconds, self.best.get(trial.key, math.inf))

    @property
    def done(self) -> int:
        """Trials of these tasks; others may have theirs in the same records."""
        keys = {task.key for task in self.tasks}
        return sum(key in keys for key, _ in self.known)

    def untried(self, task: Task) -> list[Schedule]:
        """The schedules of a task's space that are in no record."""
        return [s for s in space_of(main_leaf(task.stage)) if (task.key, s) not in self.known]

    def cost(self, task: Task) -> float:
        """Seconds of all stages that use a task's kernel, in its best schedule so far."""
        return task.uses * self.best.get(task.key, 0.0)
