# SPDX-License-Identifier: Apache-2.0
"""MetaSchedule's builder and runner around a device that measures: candidates are Schedules of a task's stage."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Protocol

from tvm.ir.utils import derived_object
from tvm.s_tir import Schedule as TirSchedule
from tvm.s_tir import meta_schedule as ms

from ..ir.schedule import Schedule
from ..ir.stages import Stage
from .space import NOTE, schedule_of


class Device(Protocol):
    """What measures: a board, this machine, or the emulated device."""

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[float | str]:
        """Seconds of each schedule of a stage's kernel over the whole map, or why it was rejected: the first is the
        default one, whose result all others' must equal, byte for byte."""


@derived_object
class Describer(ms.builder.PyBuilder):
    """Builds nothing yet: many candidates are built into one program, by whoever measures them."""

    def build(self, build_inputs: list[ms.builder.BuilderInput]) -> list[ms.builder.BuilderResult]:
        """Each candidate's task and schedule as text, in place of an artifact's path."""
        return [ms.builder.BuilderResult(describe(i.mod), None) for i in build_inputs]


def describe(candidate: object) -> str:
    """A candidate's task and schedule as JSON."""
    schedule = TirSchedule(candidate)
    key = str(schedule.mod["main"].attrs[f"{NOTE}kernel"])
    return json.dumps({"key": key, "schedule": asdict(schedule_of(schedule))})


@derived_object
class Finished(ms.runner.PyRunnerFuture):
    """A result that is there."""

    def __init__(self, result: ms.runner.RunnerResult) -> None:
        super().__init__()
        self.value = result

    def done(self) -> bool:
        """It is."""
        return True

    def result(self) -> ms.runner.RunnerResult:
        """The result."""
        return self.value


@derived_object
class Measurer(ms.runner.PyRunner):
    """Runs candidates: `measure(key, schedules)` gives seconds of each, or why it was rejected.

    What it raises (Ctrl-C too) TVM makes a RuntimeError of; `failures` keeps it as it was.
    """

    def __init__(
        self, measure: Callable[[str, list[Schedule]], list[float | str]], failures: list[BaseException]
    ) -> None:
        super().__init__()
        self.measure, self.failures = measure, failures

    def run(self, runner_inputs: list[ms.runner.RunnerInput]) -> list[ms.runner.RunnerFuture]:
        """A finished future for each; the candidates of a task are measured together."""
        described = [json.loads(str(i.artifact_path)) for i in runner_inputs]
        asked = [(d["key"], Schedule(**d["schedule"])) for d in described]
        found: dict[tuple[str, Schedule], float | str] = {}
        try:
            for key in dict.fromkeys(key for key, _ in asked):
                schedules = list(dict.fromkeys(s for k, s in asked if k == key))
                found |= {(key, s): r for s, r in zip(schedules, self.measure(key, schedules), strict=True)}
        except BaseException as e:
            self.failures.append(e)
            raise
        return [Finished(as_result(found[pair])) for pair in asked]


def as_result(found: float | str) -> ms.runner.RunnerResult:
    """Seconds, or an error, as MetaSchedule has them."""
    if isinstance(found, str):
        return ms.runner.RunnerResult(None, found)
    return ms.runner.RunnerResult([found], None)
