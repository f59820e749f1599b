# SPDX-License-Identifier: Apache-2.0
"""A tuning session: MetaSchedule's search over all tasks of a model, every trial kept as soon as it is measured."""

from __future__ import annotations

import itertools
import logging
import math
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType, ModuleType

from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.tune_context import TuneContext

from ...targets import Target
from ..ir.schedule import Schedule
from ..schedules import DEFAULT, SPACE, main_leaf
from .cost_model import AdditiveModel
from .lines import Trial
from .measuring import Describer, Device, Measurer
from .records import Records, llvm_target
from .space import make_space, workload
from .tasks import Task

REJECTED_BEFORE = "it was rejected before"
BATCH = 8
"""Candidates of a task that are measured together."""
POPULATION = 64
SEED = 1


@dataclass(frozen=True)
class Progress:
    """A task after some of its candidates were measured."""

    task: Task
    trials: int  # of the session's, all tasks together
    of: int
    best: float | None  # seconds
    rejected: str | None  # why the last rejected one of these was


class TimeIsUp(Exception):  # noqa: N818 (no error)
    """Ends a search whose time is over."""


class Session:
    """One search; what was measured before, in the records, counts."""

    def __init__(
        self,
        tasks: Sequence[Task],
        device: Device,
        target: Target,
        records: Records,
        trials: int,
        report: Callable[[Progress], None],
        budget: float = math.inf,
    ) -> None:
        """Until `trials` of the tasks are recorded, and for `budget` seconds at most: what is being measured then is
        finished."""
        self.deadline = time.monotonic() + budget
        self.tasks, self.device, self.records, self.report = tasks, device, records, report
        self.target = llvm_target(target)
        self.known = {(t.key, t.schedule): t.seconds for t in records.trials()}
        self.best: dict[str, float] = {}
        for (key, _), seconds in self.known.items():
            self.note(key, seconds)
        self.trials = min(trials, self.done + sum(map(self.untried, tasks)))

    def run(self) -> None:
        """Until there are enough trials, the time is up, or nothing is left to try. Raises ToolchainError."""
        skip_cuda()
        logging.getLogger("tvm.s_tir.meta_schedule").setLevel(logging.ERROR)
        with suppress(TimeIsUp):
            self.measure_defaults()
            for search in itertools.count():
                tasks = [task for task in self.tasks if self.untried(task)]
                if self.done >= self.trials or not tasks:
                    return
                self.search(tasks, self.trials - self.done, SEED + search * len(self.tasks))

    @property
    def done(self) -> int:
        """Trials of these tasks; others may have theirs in the same records."""
        keys = {task.key for task in self.tasks}
        return sum(key in keys for key, _ in self.known)

    def untried(self, task: Task) -> int:
        """How many schedules of a task's space are in no record."""
        tried = sum(key == task.key for key, _ in self.known)
        return math.prod(map(len, SPACE[main_leaf(task.stage)].values())) - tried

    def search(self, tasks: Sequence[Task], trials: int, seed: int) -> None:
        """One search of MetaSchedule's, which counts candidates that are in the records already as trials too."""
        # the cost model, not the database, is what it remembers measurements by
        strategy = ms.search_strategy.EvolutionarySearch(
            population_size=POPULATION,
            init_measured_ratio=0,
            init_min_unmeasured=1,
            genetic_num_iters=2,
            max_fail_count=50,
        )
        contexts = [
            TuneContext(
                mod=workload(task.key),
                target=self.target,
                space_generator=make_space(main_leaf(task.stage)),
                search_strategy=strategy,
                task_name=task.key,
                rand_state=seed + n,
                num_threads=1,
            ).clone()
            for n, task in enumerate(tasks)
        ]
        failures: list[BaseException] = []
        with tempfile.TemporaryDirectory(prefix="biisnet-") as folder, as_raised(failures), noted_signals(failures):
            ms.tune.tune_tasks(
                tasks=contexts,
                task_weights=[float(task.uses) for task in tasks],
                work_dir=folder,
                max_trials_global=trials,
                num_trials_per_iter=BATCH,
                builder=Describer(),
                runner=Measurer(self.measure, failures),
                database=ms.database.MemoryDatabase(),
                cost_model=AdditiveModel(self.known),
                measure_callbacks=[],
                task_scheduler=ms.task_scheduler.GradientBased(seed=SEED),
            )

    def measure_defaults(self) -> None:
        """Each task's default schedule is its first trial: nothing that is slower is ever the best."""
        for task in self.tasks:
            self.measure(task.key, [DEFAULT.of(task.stage)])

    def measure(self, key: str, schedules: Sequence[Schedule]) -> list[float | str]:
        """Seconds of schedules of a task's kernel, or why one was rejected; each is measured and recorded once."""
        task = next(task for task in self.tasks if task.key == key)
        new = [s for s in schedules if (key, s) not in self.known]
        if new and time.monotonic() > self.deadline:
            raise TimeIsUp
        # the default one comes first in any measurement, for its result
        found = self.device.measure(task.stage, [DEFAULT.of(task.stage), *new])[1:] if new else []
        rejected = {s: result for s, result in zip(new, found, strict=True) if isinstance(result, str)}
        for schedule, result in zip(new, found, strict=True):
            seconds = None if isinstance(result, str) else result
            self.records.add(Trial(key, schedule, seconds), main_leaf(task.stage))
            self.known[key, schedule] = seconds
            self.note(key, seconds)
        if new:
            last = next(reversed(rejected.values()), None)
            self.report(Progress(task, self.done, self.trials, self.best.get(key), last))
        known = [self.known[key, s] for s in schedules]
        return [rejected.get(s, REJECTED_BEFORE) if k is None else k for s, k in zip(schedules, known, strict=True)]

    def note(self, key: str, seconds: float | None) -> None:
        """The best of each kernel so far."""
        if seconds is not None:
            self.best[key] = min(seconds, self.best.get(key, seconds))


@contextmanager
def as_raised(failures: Sequence[BaseException]) -> Iterator[None]:
    """Raise what a callback raised, where TVM raises an error of its own for it."""
    try:
        yield
    except Exception:
        if failures:
            raise failures[0] from None
        raise


@contextmanager
def noted_signals(failures: list[BaseException]) -> Iterator[None]:
    """Note what Ctrl-C or SIGTERM raises before it is raised: wherever in a callback that is, TVM makes another error
    of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        assert callable(handler)
        try:
            handler(number, frame)
        except BaseException as e:
            failures.append(e)
            raise

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            # one that has been replaced meanwhile, by the handler itself, stays
            if signal.getsignal(number) is note:
                signal.signal(number, handler)


def skip_cuda() -> None:
    """MetaSchedule imports TVM's CUDA intrinsics, twenty seconds' work, for which no target here has a use."""
    sys.modules.setdefault("tvm.s_tir.tensor_intrin", ModuleType("tvm.s_tir.tensor_intrin"))
