"""A tuning database: a folder with MetaSchedule's two JSON files, and about.json, which says what they are of."""

from __future__ import annotations

import fcntl
import json
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO

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
        """Opens a folder for reading, or with `measured_by`, what its seconds are read off, one to write, perhaps anew;
        a writer is left as a context.

        Raises CompileError where it is of another target or version, or measured otherwise.
        """
        about = {"schema": SCHEMA, "target": target.name, "cpu": target.cpu, "tvm": version("apache-tvm")}
        about |= {"measured_by": measured_by} if measured_by else {}
        check_about(folder, about)
        self.folder, self.database = folder, None
        self.lock: BinaryIO | None = None
        if measured_by:
            self.begin(about)
        self.measured()  # for what is wrong with it

    def begin(self, about: dict[str, Any]) -> None:
        """Write `about` where there is none, and lock it: MetaSchedule numbers workloads as if it wrote alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / ABOUT).exists():
            write_whole(self.folder / ABOUT, (json.dumps(about, indent=1) + "\n").encode())
        self.lock = (self.folder / ABOUT).open("rb")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise CompileError(f"{self.folder}: another session writes there; wait for it, or give another --db") from e
        for name in (WORKLOADS, TRIALS):
            drop_half_line(self.folder / name)
        try:
            self.database = ms.database.JSONDatabase(work_dir=str(self.folder))
        except Exception as e:  # TVM's errors have no class in common but this
            raise damaged(self.folder, e) from e

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Others may write from now on; reading goes on."""
        self.database = None
        if self.lock:
            self.lock.close()

    def trials(self) -> Iterator[Trial]:
        """All of them, in the order that they were measured (which the database itself does not keep)."""
        return map(trial_of, self.measured())

    def measured(self) -> list[ms.database.TuningRecord]:
        """The trials as MetaSchedule has them. Raises CompileError."""
        try:
            workloads = [ms.database.Workload.from_json(line) for line in json_lines(self.folder / WORKLOADS)]
            lines = json_lines(self.folder / TRIALS)
            return [ms.database.TuningRecord.from_json(line, workloads[index]) for index, line in lines]
        except Exception as e:  # TVM's errors have no class in common but this
            raise damaged(self.folder, e) from e

    def add(self, task: Task, schedule: Schedule, seconds: float | None, target: tvm.target.Target) -> None:
        """Write a trial, which is there when this returns; None where the candidate was rejected."""
        assert self.database is not None, "opened for reading"
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


def damaged(folder: Path, error: Exception) -> CompileError:
    """A database that cannot be read."""
    why = " ".join(str(error).split())[:200]
    return CompileError(f"{folder}: not a tuning database ({why}); tune into another folder")


def merge(folders: Sequence[Path], output: Path, best: bool = False) -> int:
    """One database of several of one target; of a schedule that was measured twice, the faster trial.

    With `best`, of each kernel its fastest trial alone, which is all that compiling needs. Gives the number of trials.

    Raises CompileError where one is none, they are of several targets, or `output` has records already.
    """
    if (output / ABOUT).exists():
        raise CompileError(f"{output}: has records already; give another folder")
    about = read_about(folders[0])
    target, measured_by = resolve(str(about.get("target"))), str(about.get("measured_by"))
    for folder in folders:
        check_about(folder, about)
    kept: dict[tuple[str, Schedule], tuple[float, ms.database.TuningRecord]] = {}
    for record in (r for folder in folders for r in Records(folder, target).measured()):
        trial = trial_of(record)
        seconds = FAILED if trial.seconds is None else trial.seconds
        if seconds < kept.get((trial.key, trial.schedule), (math.inf,))[0]:
            kept[trial.key, trial.schedule] = seconds, record
    if best:
        chosen = fastest(trial_of(record) for _, record in kept.values())
        kept = {(t.key, t.schedule): kept[t.key, t.schedule] for _, t in sorted(chosen.items())}
    output.parent.mkdir(parents=True, exist_ok=True)
    # beside its place: a database that is there is whole
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as staging:
        merged = Records(Path(staging) / "db", target, measured_by)
        assert merged.database is not None
        for _, record in kept.values():
            workload_ = merged.database.commit_workload(record.workload.mod)
            merged.database.commit_tuning_record(
                ms.database.TuningRecord(record.trace, workload_, record.run_secs, record.target, [])
            )
        merged.folder.replace(output)
    return len(kept)


def has_trials(folder: Path) -> bool:
    """Whether anything was measured into a folder."""
    return (folder / TRIALS).exists() and (folder / TRIALS).stat().st_size > 0


def read_about(folder: Path) -> dict[str, Any]:
    """What a database says of itself. Raises CompileError."""
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise damaged(folder, e) from e
    if not isinstance(about, dict):
        raise damaged(folder, ValueError(f"{ABOUT} is no JSON object"))
    return about


def tuned_schedules(target: Target, own: Path | None = None) -> Schedules:
    """A target's schedules with the shipped records and those of a database of one's own. Of a kernel that both have,
    the faster one where both were measured alike, else one's own.

    Raises CompileError.
    """
    shipped = SHIPPED / target.name
    found: dict[str, Record] = {}
    if shipped.exists() and read_about(shipped).get("cpu") == target.cpu:  # `host` is many a CPU
        found |= best_records(shipped, target, "shipped")
    if own:
        mine = best_records(own, target, "user's")
        if found and read_about(own).get("measured_by") == read_about(shipped).get("measured_by"):
            mine = {k: r for k, r in mine.items() if k not in found or r.seconds <= found[k].seconds}
        found |= mine
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
            raise CompileError(f"{folder}: its {field} is {about.get(field)!r}, not {value!r}; give another database")


def json_lines(path: Path) -> list[Any]:
    """A file's lines, each JSON; one that is being written is not there yet."""
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def drop_half_line(path: Path) -> None:
    """Cut off what a killed writer left of a line."""
    if not path.exists():
        path.touch()
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        write_whole(path, whole)
