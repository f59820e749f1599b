# SPDX-License-Identifier: Apache-2.0
"""Lines of MetaSchedule's database, written as it writes them and read without it.

TVM's own reader trusts what it reads, and goes down where that is damaged. So a line counts as a trial only where it
is, as JSON, what this version writes of that trial.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import tvm
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.tune_context import _normalize_mod

from ..ir.schedule import Schedule
from ..schedules import SPACE, outside_space
from .space import NOTE, candidate_of, workload

FAILED = 1e9
"""Seconds that stand for a candidate that was rejected."""
KEY = re.compile(r'"([0-9a-f]{64})"')
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading raises of JSON that is something else."""


@dataclass(frozen=True)
class Trial:
    """One measurement."""

    key: str  # of the kernel
    schedule: Schedule
    seconds: float | None  # None where the candidate was rejected


@lru_cache(1024)
def workload_json(key: str) -> Any:
    """What the database has of a kernel."""
    return ms.database.Workload(_normalize_mod(workload(key))).as_json()


@cache
def record_json(kind: str, schedule: Schedule, target: tvm.target.Target) -> list[Any]:
    """What it has of a trial of a kernel of this kind, the time left out: trace, None, target, arguments."""
    candidate = candidate_of(kind, "", schedule)
    record = ms.database.TuningRecord(candidate.trace, ms.database.Workload(candidate.mod), [FAILED], target, [])
    trace, _, *rest = record.as_json()
    return [trace, None, *rest]


def trial_json(trial: Trial, kind: str, index: int, target: tvm.target.Target) -> Any:
    """What it has of a trial of the kernel that is its `index`-th."""
    trace, _, *rest = record_json(kind, trial.schedule, target)
    return [index, [trace, [FAILED if trial.seconds is None else trial.seconds], *rest]]


def read_key(line: Any) -> str:
    """The kernel of a workload's line. Raises one of MALFORMED where it is none."""
    (key,) = KEY.findall(base64.b64decode(line[1]).decode(errors="replace"))
    if to_line(line) != to_line(workload_json(key)):
        raise ValueError(f"kernel {key[:12]} is not as this version writes it")
    return str(key)


def read_trial(line: Any, keys: Sequence[str], target: tvm.target.Target) -> tuple[Trial, str]:
    """The trial of a line, and a kind of kernel that has such schedules. Raises one of MALFORMED where it is none."""
    index, ((instructions, decisions), (seconds,), *_) = line
    fields = tuple(i[2][0].removeprefix(NOTE) for i in instructions if i[0] == "Annotate")
    choices = [i[2][0] for i in instructions if i[0] == "SampleCategorical"]
    values = {f: choice[n] for f, choice, (_, n) in zip(fields, choices, decisions, strict=True)}
    kind = next((kind for kind, space in SPACE.items() if tuple(space) == fields), "")
    trial = Trial(keys[index], Schedule(**values), float(seconds) if seconds < FAILED else None)
    if not kind or outside_space(kind, trial.schedule) or index < 0 or not seconds > 0:
        raise ValueError(f"a trial of kernel {trial.key[:12]} is none that a tuner makes")
    if to_line(line) != to_line(trial_json(trial, kind, int(index), target)):
        raise ValueError(f"a trial of kernel {trial.key[:12]} is not as this version writes it")
    return trial, kind


def to_line(value: Any) -> bytes:
    """JSON as a line."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
