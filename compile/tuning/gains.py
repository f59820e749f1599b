# SPDX-License-Identifier: Apache-2.0
"""The gains of a session: each kernel in its default and its fastest schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..ir.schedule import Schedule
from ..schedules import DEFAULT
from .tasks import Task
from .trials import Trial, fastest


@dataclass(frozen=True)
class Gain:
    """A kernel before and after, all stages that use it together."""

    kernel: str
    uses: int
    default_seconds: float
    best_seconds: float
    bound_seconds: float | None
    """Time of its vector arithmetic alone (`issue_bound`); None where a clock measured."""
    schedule: Schedule
    best_cycles: float | None = None
    """Model cycles, misses and bytes that the best time is made of; None where a clock measured."""
    best_l1d_misses: float | None = None
    best_dram_bytes: float | None = None


@dataclass(frozen=True)
class Tuned:
    """The result of a session."""

    database: Path
    trials: int
    rejected: int
    gains: tuple[Gain, ...]

    @property
    def default_seconds(self) -> float:
        """Time of all kernels in their default schedules."""
        return sum(g.default_seconds for g in self.gains)

    @property
    def best_seconds(self) -> float:
        """Time of all kernels in their best ones."""
        return sum(g.best_seconds for g in self.gains)

    def summary(self) -> str:
        """One line for a person."""
        if not self.gains:
            return f"{self.database}: {self.trials} trials, {self.rejected} rejected; no kernel is measured yet"
        saved = 1 - self.best_seconds / self.default_seconds
        bounds = [g.bound_seconds for g in self.gains if g.bound_seconds is not None]
        least = f"; {sum(bounds) / self.best_seconds:.0%} of that is the issue bound" if bounds else ""
        return (
            f"{self.database}: {self.trials} trials, {self.rejected} rejected; kernels take {saved:.1%} less than by "
            f"the default schedules{least}"
        )


def conclude(database: Path, trials: Sequence[Trial], tasks: Sequence[Task], hertz: float | None) -> Tuned:
    """The gains, from a database's trials alone; `hertz` is the model's clock, where a model has measured."""
    measured = {(t.key, t.schedule): t.seconds for t in trials}
    best = fastest(trials)
    gains = []
    for task in tasks:
        default = measured.get((task.key, DEFAULT.of(task.stage)))
        if default is None or task.key not in best:
            continue  # the session ended before its turn
        trial = best[task.key]
        assert trial.seconds is not None
        bound = task.bound / hertz * task.uses if hertz and task.bound else None
        counted = {f"best_{name}": figure * task.uses for name, figure in trial.counted.items()}
        times = (default * task.uses, trial.seconds * task.uses, bound)
        gains.append(Gain(task.name, task.uses, *times, trial.schedule, **counted))
    return Tuned(database, len(trials), sum(t.seconds is None for t in trials), tuple(gains))


def table_of(result: Tuned) -> str:
    """The gains, a line a kernel."""
    lines = [f"{'kernel':32} {'uses':>4} {'default, us':>12} {'best, us':>10} {'less':>6} {'bound, us':>10}  schedule"]
    for gain in result.gains:
        less = 1 - gain.best_seconds / gain.default_seconds
        fields = ", ".join(f"{name} {value}" for name, value in asdict(gain.schedule).items())
        times = f"{gain.default_seconds * 1e6:12.1f} {gain.best_seconds * 1e6:10.1f} {less:6.1%}"
        bound = "-" if gain.bound_seconds is None else f"{gain.bound_seconds * 1e6:.1f}"
        lines.append(f"{gain.kernel:32} {gain.uses:4} {times} {bound:>10}  {fields}")
    return "\n".join(lines)
