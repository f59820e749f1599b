"""A tuning database: a folder with MetaSchedule's two JSON files, and about.json, which says what they are of."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tvm
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.tune_context import _normalize_mod

from ...model.files import write_whole
from ...targets import Target, resolve
from ..errors import CompileError
from ..schedules import Record, Schedule, Schedules, main_leaf, schedules_for
from .space import NOTE, candidate_of, schedule_of, workload
from .tasks import Task

SCHEMA = 1
ABOUT = "about.json"
WORKLOADS, TRIALS = "database_workload.json", "database_tuning_record.json"
SHIPPED = Path(__file__).parent / "shipped"
"""Databases of this package, one a target."""
FAILED = 1e9
"""Seconds that stand for a candidate that was rejected."""


@dataclass(frozen=True)
class Trial:
    """One measurement."""

    key: str  # of the kernel
    schedule: Schedule
    seconds: float | None  # None where the candidate was rejected


class Records:
    """The trials of one target."""

    def __init__(self, folder: Path, target: Target, measured_by: str | None = None) -> None:
        """Opens a folder, or with `measured_by`, what its seconds are read off, begins one.

        Raises CompileError where it is of another target or version, or measured otherwise.
        """
        about = {"schema": SCHEMA, "target": target.name, "cpu": target.cpu, "tvm": version("apache-tvm")}
        about |= {"measured_by": measured_by} if measured_by else {}
        check_about(folder, about)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ABOUT).exists():
            write_whole(folder / ABOUT, (json.dumps(about, indent=1) + "\n").encode())
        for name in (WORKLOADS, TRIALS):
            drop_half_line(folder / name)
        self.folder = folder
        try:
            self.database = ms.database.JSONDatabase(work_dir=str(folder))
        except Exception as e:  # TVM's errors have no class in common but this
            raise CompileError(f"{folder}: not a tuning database ({' '.join(str(e).split())[:200]})") from e

    def trials(self) -> Iterator[Trial]:
        """All of them, in the order that they were measured (which the database itself does not keep)."""
        return map(trial_of, self.measured())

    def measured(self) -> Iterator[ms.database.TuningRecord]:
        """The trials as MetaSchedule has them."""
        workloads = [ms.database.Workload.from_json(line) for line in json_lines(self.folder / WORKLOADS)]
        for index, line in json_lines(self.folder / TRIALS):
            yield ms.database.TuningRecord.from_json(line, workloads[index])

    def add(self, task: Task, schedule: Schedule, seconds: float | None, target: tvm.target.Target) -> None:
        """Write a trial, which is there when this returns; None where the candidate was rejected."""
        trace = candidate_of(main_leaf(task.stage), task.key, schedule).trace
        workload_ = self.database.commit_workload(_normalize_mod(workload(task.key)))
        took = [FAILED if seconds is None else seconds]
        self.database.commit_tuning_record(ms.database.TuningRecord(trace, workload_, took, target, []))

    def best(self) -> dict[str, Trial]:
        """The fastest trial of each kernel, by its key."""
        return fastest(self.trials())


def fastest(trials: Iterable[Trial]) -> dict[str, Trial]:
    """Of each kernel, by its key, the fastest trial; of equals the first by their schedules."""
    found: dict[str, Trial] = {}
    for trial in sorted((t for t in trials if t.seconds is not None), key=lambda t: str(t.schedule)):
        if trial.key not in found or trial.seconds < found[trial.key].seconds:  # type: ignore[operator]
            found[trial.key] = trial
    return found


def trial_of(record: ms.database.TuningRecord) -> Trial:
    """A record of MetaSchedule's as a trial of ours."""
    schedule = schedule_of(record.as_measure_candidate().sch)
    seconds = min((float(s) for s in record.run_secs or ()), default=FAILED)
    key = str(record.workload.mod["main"].attrs[f"{NOTE}kernel"])
    return Trial(key, schedule, seconds if seconds < FAILED else None)


def merge(folders: Sequence[Path], output: Path, best: bool = False) -> Records:
    """One database of several of one target; of a schedule that was measured twice, the faster trial.

    With `best`, of each kernel its fastest trial alone, which is all that compiling needs.

    Raises CompileError where one is none, they are of several targets, or `output` has records already.
    """
    if (output / ABOUT).exists():
        raise CompileError(f"{output}: has records already; give another folder")
    about = read_about(folders[0])
    target, measured_by = resolve(str(about.get("target"))), str(about.get("measured_by"))
    kept: dict[tuple[str, Schedule], tuple[float, ms.database.TuningRecord]] = {}
    for record in (r for folder in folders for r in Records(folder, target, measured_by).measured()):
        trial = trial_of(record)
        seconds = FAILED if trial.seconds is None else trial.seconds
        if seconds < kept.get((trial.key, trial.schedule), (math.inf,))[0]:
            kept[trial.key, trial.schedule] = seconds, record
    if best:
        in_order = sorted(kept.items(), key=lambda item: (item[1][0], str(item[0][1])))
        fastest = {key: (key, schedule) for (key, schedule), _ in reversed(in_order)}
        kept = {pair: kept[pair] for _, pair in sorted(fastest.items())}
    merged = Records(output, target, measured_by)
    for _, record in kept.values():
        workload_ = merged.database.commit_workload(record.workload.mod)
        merged.database.commit_tuning_record(
            ms.database.TuningRecord(record.trace, workload_, record.run_secs, record.target, [])
        )
    return merged


def read_about(folder: Path) -> dict[str, Any]:
    """What a database says of itself. Raises CompileError."""
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise CompileError(f"{folder}: not a tuning database") from e
    if not isinstance(about, dict):
        raise CompileError(f"{folder}: not a tuning database")
    return about


def tuned_schedules(target: Target, own: Path | None = None) -> Schedules:
    """A target's schedules with the shipped records, and with those of a database of one's own, which come first.

    Raises CompileError.
    """
    shipped = SHIPPED / target.name
    found: dict[str, Record] = {}
    if shipped.exists() and read_about(shipped).get("cpu") == target.cpu:  # `host` is many a CPU
        found |= best_records(shipped, target, "shipped")
    if own:
        found |= best_records(own, target, "user's")
    return replace(schedules_for(target.name), records=MappingProxyType(found))


def best_records(folder: Path, target: Target, whose: str) -> dict[str, Record]:
    """What a database has found, by the kernel's key. Raises CompileError."""
    return {
        key: Record(key, trial.schedule, trial.seconds, whose)
        for key, trial in Records(folder, target).best().items()
        if trial.seconds is not None
    }


def check_about(folder: Path, wanted: dict) -> None:
    """Raise CompileError where a folder's records are not what this version would write."""
    if folder.exists() and not folder.is_dir():
        raise CompileError(f"{folder}: is a file; a tuning database is a folder")
    if not (folder / ABOUT).exists():
        if folder.exists() and any(folder.iterdir()):
            raise CompileError(
                f"{folder}: has no {ABOUT}, so it is no tuning database; give an empty folder or a new one"
            )
        if "measured_by" not in wanted:
            raise CompileError(f"{folder}: no tuning database; biisnet tune makes one")
        return
    about = read_about(folder)
    for field, value in wanted.items():
        if about.get(field) != value:
            raise CompileError(
                f"{folder}: its {field} is {about.get(field)!r}, not {value!r}; tune into another folder"
            )


def json_lines(path: Path) -> list[Any]:
    """A file's lines, each JSON."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def drop_half_line(path: Path) -> None:
    """Cut off what a killed writer left of a line."""
    if not path.exists():
        path.touch()
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        write_whole(path, whole)
