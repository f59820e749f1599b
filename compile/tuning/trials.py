# SPDX-License-Identifier: Apache-2.0
"""A trial and its line in a database: JSON that needs nothing of this project to be read.

    {"kernel": "bn_load_c1_w256", "schedule": {"channels": 1, …}, "seconds": 2.5e-05, "key": "b962f74a…"}

What a model has made the seconds of stands behind them: "cycles", and "l1d_misses" and "dram_bytes" of a core whose
caches it knows. A candidate that was rejected has "rejected", the reason, in place of "seconds".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ..ir.schedule import Schedule
from ..schedules import parse_schedule

KEY, NAME = re.compile(r"[0-9a-f]{64}"), re.compile(r"\w{1,100}", re.ASCII)
FIELDS = {"kernel", "schedule", "key"}
RESULTS = ("seconds", "rejected")
COUNTED = ("cycles", "l1d_misses", "dram_bytes")
FOREVER = 1e9
"""Seconds that no kernel takes."""
ENDLESS = 1e18
"""Cycles, misses or bytes that no kernel takes."""


@dataclass(frozen=True)
class Trial:
    """One measurement: the seconds of a kernel in a schedule over the whole map, or why the candidate was rejected."""

    key: str  # of the kernel: row_kernel.key_of
    kernel: str  # its name in the network that it was measured for: for a person
    schedule: Schedule
    seconds: float | None
    rejected: str | None = None
    cycles: float | None = None
    l1d_misses: float | None = None
    dram_bytes: float | None = None

    @property
    def counted(self) -> dict[str, float]:
        """What the seconds were made of, as far as it is known, by its name."""
        return {name: figure for name in COUNTED if (figure := getattr(self, name)) is not None}


def to_line(trial: Trial) -> bytes:
    """The line of a trial."""
    result: dict[str, Any] = {"rejected": trial.rejected}
    if trial.rejected is None:
        result = {"seconds": trial.seconds, **trial.counted}
    entry = {"kernel": trial.kernel, "schedule": asdict(trial.schedule), **result, "key": trial.key}
    return json.dumps(entry).encode() + b"\n"


def read_line(line: bytes) -> Trial:
    """The trial of a line of UTF-8. Raises ValueError, or RecursionError, where it is none."""
    entry = json.loads(line.decode())
    if not isinstance(entry, dict):
        raise ValueError("no JSON object")
    result = next((name for name in RESULTS if name in entry), "")
    counted = set(COUNTED) & set(entry) if result == "seconds" else set()
    if not result or set(entry) != {*FIELDS, result, *counted}:
        raise ValueError("a trial has kernel, schedule and key, and either seconds or rejected")
    value: Any = entry[result]
    check("key", entry["key"], is_match(KEY, entry["key"]), "64 hexadecimal digits")
    check("kernel", entry["kernel"], is_match(NAME, entry["kernel"]), "a name")
    schedule = parse_schedule(entry["schedule"])
    if result == "rejected":
        check(result, value, isinstance(value, str) and value != "", "a reason")
        return Trial(entry["key"], entry["kernel"], schedule, None, value)
    check(result, value, type(value) in (int, float) and 0 < value < FOREVER, "a time")
    figures = {name: entry[name] for name in counted}
    for name, figure in figures.items():
        check(name, figure, type(figure) in (int, float) and 0 <= figure < ENDLESS, "a count")
    return Trial(entry["key"], entry["kernel"], schedule, float(value), **figures)


def check(name: str, value: Any, right: bool, wanted: str) -> None:
    """Raise ValueError where a field is not right."""
    if not right:
        raise ValueError(f"{name!r} is not {wanted}: {repr(value)[:80]}")


def is_match(pattern: re.Pattern[str], value: Any) -> bool:
    """Whether a value is a string of a pattern."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def fastest(trials: Iterable[Trial]) -> dict[str, Trial]:
    """The fastest trial of each kernel, by its key; of equals the first by their schedules."""
    timed = [(t.seconds, str(t.schedule), t) for t in trials if t.seconds is not None]
    found: dict[str, Trial] = {}
    for _, _, trial in sorted(timed, key=lambda entry: entry[:2]):
        found.setdefault(trial.key, trial)
    return found
