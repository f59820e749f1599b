# SPDX-License-Identifier: Apache-2.0
"""A tuning database: a folder with records.jsonl, a line a trial, and about.json, which says what they are of."""

from __future__ import annotations

import fcntl
import json
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO

from ...model.files import write_whole
from ...targets import Target, resolve
from ..errors import CompileError
from ..ir.schedule import Record, Schedule
from ..schedules import Schedules, schedules_for
from .trials import Trial, fastest, read_line, to_line

SCHEMA = 2
TVM = version("apache-tvm")
MODEL_CYCLES, MODEL_TIME, CLOCK = "model cycles", "model time", "clock"
"""Clocks that a database's seconds are read off: those of model cycles alone, of cycles, misses and DRAM traffic, or of
a device. One is not comparable with another."""
ABOUT, TRIALS = "about.json", "records.jsonl"
SHIPPED = Path(__file__).parent / "shipped"
"""Databases of this package, one a target."""


class Records:
    """The trials of one target."""

    def __init__(self, folder: Path, target: Target, measured_by: str | None = None) -> None:
        """Opens a folder for reading, or with `measured_by`, what its seconds are read off, one to write, perhaps anew;
        a writer is left as a context.

        Raises CompileError where it is of another target or version, or measured otherwise.
        """
        about = {"schema": SCHEMA, "target": target.name, **machine(target), "tvm": TVM}
        about |= {"measured_by": measured_by} if measured_by else {}
        check_about(folder, about)
        self.folder = folder
        self.lock: BinaryIO | None = None
        if measured_by:
            self.begin(about)
        self.trials()  # for what is wrong with it

    def begin(self, about: dict[str, Any]) -> None:
        """Write `about` where there is none, and lock it: two sessions would measure everything twice."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / ABOUT).exists():
            write_whole(self.folder / ABOUT, (json.dumps(about, indent=1) + "\n").encode())
        self.lock = (self.folder / ABOUT).open("rb")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            self.lock.close()
            raise CompileError(f"{self.folder}: another session writes there; wait for it, or give another --db") from e
        if not os.path.samestat(os.fstat(self.lock.fileno()), (self.folder / ABOUT).stat()):  # begun by two at a time
            self.lock.close()
            raise CompileError(f"{self.folder}: another session has begun there; wait for it, or give another --db")
        drop_half_line(self.folder / TRIALS)

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Others may write from now on; reading goes on."""
        if self.lock:
            self.lock.close()

    def trials(self) -> list[Trial]:
        """All of them, in the order that they were measured. Raises CompileError."""
        return list(read_trials(self.folder / TRIALS))

    def add(self, trial: Trial) -> None:
        """Write a trial; it is there when this returns."""
        with (self.folder / TRIALS).open("ab") as file:
            file.write(to_line(trial))

    def best(self) -> dict[str, Trial]:
        """The fastest trial of each kernel, by its key."""
        return fastest(self.trials())


def read_trials(path: Path) -> Iterator[Trial]:
    """The trials of a file's lines; one that is being written is not there yet. Raises CompileError."""
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as e:
        raise damaged(path.parent, e) from e
    for n, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            yield read_line(line)
        except (RecursionError, ValueError) as e:
            why = " ".join(str(e).split())[:200]
            raise CompileError(f"{path}:{n}: no trial ({why}); take the line out, or give another --db") from e


def damaged(folder: Path, error: Exception) -> CompileError:
    """The error of a database that cannot be read."""
    why = " ".join(str(error).split())[:200]
    return CompileError(f"{folder}: not a tuning database ({why}); give another folder")


def merge(folders: Sequence[Path], output: Path, best: bool = False) -> int:
    """One database of several of one target; of a schedule that was measured twice, the faster trial.

    With `best`, of each kernel its fastest trial alone, which is all that compiling needs. Gives the number of trials.

    Raises CompileError where one is none, they are of several targets, or `output` has records already.
    """
    if (output / ABOUT).exists():
        raise CompileError(f"{output}: has records already; give another folder")
    about = read_about(folders[0])
    if missing := [field for field in ("target", "measured_by") if not isinstance(about.get(field), str)]:
        raise CompileError(f"{folders[0]}: its {ABOUT} has no {missing[0]}; give another database")
    target, measured_by = resolve(about["target"]), about["measured_by"]
    for folder in folders:
        check_about(folder, about)
    kept: dict[tuple[str, Schedule], Trial] = {}
    for trial in (t for folder in folders for t in Records(folder, target).trials()):
        before = kept.get((trial.key, trial.schedule))
        if before is None or order(trial) < order(before):
            kept[trial.key, trial.schedule] = trial
    trials = sorted(fastest(kept.values()).values(), key=lambda t: (t.kernel, t.key)) if best else list(kept.values())
    output.parent.mkdir(parents=True, exist_ok=True)
    # beside its place: a database that is there is whole
    with (
        tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as staging,
        Records(Path(staging) / "db", target, measured_by) as merged,
    ):
        for trial in trials:
            merged.add(trial)
        merged.folder.replace(output)
    return len(trials)


def order(trial: Trial) -> float:
    """The seconds of a trial; a rejected one is the slowest."""
    return math.inf if trial.seconds is None else trial.seconds


def has_trials(folder: Path) -> bool:
    """Whether anything was measured into a folder."""
    return (folder / TRIALS).exists() and (folder / TRIALS).stat().st_size > 0


def read_about(folder: Path) -> dict[str, Any]:
    """A database's own description, its about.json. Raises CompileError."""
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
    except (OSError, RecursionError, ValueError) as e:
        raise damaged(folder, e) from e
    if not isinstance(about, dict):
        raise damaged(folder, ValueError(f"{ABOUT} is no JSON object"))
    return about


def tuned_schedules(target: Target, own: Path | None = None) -> Schedules:
    """A target's schedules with the shipped records and those of a database of one's own. Of a kernel that both have,
    the faster one where both were measured by the same model, else one's own.

    Raises CompileError.
    """
    shipped = SHIPPED / target.name
    found: dict[str, Record] = {}
    if shipped.exists() and machine(target).items() <= read_about(shipped).items():  # `host` is many a CPU
        found |= best_records(shipped, target, "shipped")
    if own:
        mine = best_records(own, target, "user's")
        # seconds of two machines' clocks are not comparable
        by = {read_about(f).get("measured_by") for f in (own, shipped)} if found else set()
        if len(by) == 1 and by != {CLOCK}:
            mine = {k: r for k, r in mine.items() if k not in found or r.seconds <= found[k].seconds}
        found |= mine
    return replace(schedules_for(target.core), records=MappingProxyType(found))


def best_records(folder: Path, target: Target, whose: str) -> dict[str, Record]:
    """Best records that a database has, by the kernel's key. Raises CompileError."""
    return {
        key: Record(key, trial.schedule, trial.seconds, whose)
        for key, trial in Records(folder, target).best().items()
        if trial.seconds is not None
    }


def check_about(folder: Path, wanted: dict[str, Any]) -> None:
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


def machine(target: Target) -> dict[str, Any]:
    """A database's description of the processor that its kernels are compiled for."""
    return {"cpu": target.cpu, "features": list(target.llvm_features)}


def drop_half_line(path: Path) -> None:
    """Cut off what a killed writer left of a line."""
    if not path.exists():
        path.touch()
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        write_whole(path, whole)
