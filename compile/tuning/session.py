"""A tuning session: MetaSchedule's search over all tasks of a model, every trial kept as soon as it is measured."""

from __future__ import annotations

import itertools
import logging
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import tvm
from tvm.ir.utils import derived_object
from tvm.s_tir import Schedule as TirSchedule
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.tune_context import TuneContext

from ...targets import Target
from ..schedules import DEFAULT, SPACE, main_leaf
from .cost_model import AdditiveModel
from .measuring import Describer, Device, Measurer, measure_task
from .records import Records
from .space import candidate_of, make_space, schedule_of, workload
from .tasks import Task

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


@derived_object
class Keeper(ms.measure_callback.PyMeasureCallback):
    """Commits what is new to the records, and reports."""

    def __init__(self, session: Session, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.session, self.tasks = session, tasks

    def apply(
        self,
        task_scheduler: ms.task_scheduler.TaskScheduler,
        task_id: int,
        measure_candidates: list[ms.search_strategy.MeasureCandidate],
        builder_results: list[ms.builder.BuilderResult],
        runner_results: list[ms.runner.RunnerResult],
    ) -> None:
        """After each batch."""
        self.session.keep(self.tasks[task_id], measure_candidates, runner_results)


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
    ) -> None:
        self.tasks, self.device, self.records, self.trials, self.report = tasks, device, records, trials, report
        self.target = tvm.target.Target({**target.llvm, "num-cores": 1})
        self.known = {(t.key, t.schedule): t.seconds for t in records.trials()}
        self.best: dict[str, float] = {}
        for (key, _), seconds in self.known.items():
            self.note(key, seconds)

    def run(self) -> None:
        """Until `trials` trials are in the records, or nothing new is found. Raises ToolchainError."""
        skip_cuda()
        logging.getLogger("tvm.s_tir.meta_schedule").setLevel(logging.ERROR)
        self.measure_defaults()
        for search in itertools.count():
            tasks = [task for task in self.tasks if self.untried(task)]
            if len(self.known) >= self.trials or not tasks:
                return
            self.search(tasks, self.trials - len(self.known), SEED + search * len(self.tasks))

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
        with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
            ms.tune.tune_tasks(
                tasks=contexts,
                task_weights=[float(task.uses) for task in tasks],
                work_dir=folder,
                max_trials_global=trials,
                num_trials_per_iter=BATCH,
                builder=Describer(),
                runner=Measurer(self.device, self.tasks, self.known),
                database=self.records.database,
                cost_model=AdditiveModel(self.known),
                measure_callbacks=[Keeper(self, tasks), ms.measure_callback.UpdateCostModel()],
                task_scheduler=ms.task_scheduler.GradientBased(seed=SEED),
            )

    def measure_defaults(self) -> None:
        """Each task's default schedule is its first trial: nothing that is slower is ever the best."""
        for task in self.tasks:
            default = DEFAULT.of(task.stage)
            if (task.key, default) not in self.known:
                candidate = candidate_of(main_leaf(task.stage), task.key, default)
                self.keep_schedules(task, [candidate], measure_task(self.device, task, [default]))

    def keep(
        self,
        task: Task,
        candidates: Sequence[ms.search_strategy.MeasureCandidate],
        results: Sequence[ms.runner.RunnerResult],
    ) -> None:
        """What MetaSchedule has measured."""
        found = [str(r.error_msg) if r.error_msg is not None else min(map(float, r.run_secs)) for r in results]
        self.keep_schedules(task, [c.sch for c in candidates], found)

    def keep_schedules(self, task: Task, candidates: Sequence[TirSchedule], found: Sequence[float | str]) -> None:
        """Commit the trials that are not in the records yet: a search may come back to a candidate."""
        rejected = None
        for candidate, result in zip(candidates, found, strict=True):
            schedule = schedule_of(candidate)
            if (task.key, schedule) in self.known:
                continue
            rejected = result if isinstance(result, str) else rejected
            seconds = None if isinstance(result, str) else result
            self.records.add(task, candidate, seconds, self.target)
            self.known[task.key, schedule] = seconds
            self.note(task.key, seconds)
        self.report(Progress(task, len(self.known), self.trials, self.best.get(task.key), rejected))

    def note(self, key: str, seconds: float | None) -> None:
        """The best of each kernel so far."""
        if seconds is not None:
            self.best[key] = min(seconds, self.best.get(key, seconds))


def skip_cuda() -> None:
    """MetaSchedule imports TVM's CUDA intrinsics, twenty seconds' work, for which no target here has a use."""
    sys.modules.setdefault("tvm.s_tir.tensor_intrin", ModuleType("tvm.s_tir.tensor_intrin"))
