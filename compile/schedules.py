# SPDX-License-Identifier: Apache-2.0
"""Schedules as data: how each kind of kernel is blocked, and how much memory a segment may touch, target by target.

A tuner chooses values of a Schedule's fields (ir/schedule.py) and nothing else; the results do not depend on them. (A
vector's width is LANES for all: the layout of maps rests on it. The dtype of a map, float32 or bits, is its Buffer's.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from .ir.schedule import CHOICE, Choice, Record, Schedule, Value
from .ir.stages import Stage

MAIN_LEAF = ("BinaryDot", "Convolution", "Upsample", "PoolSum", "Load")
"""A kernel's kind is the first of these that it has."""


def choices() -> dict[str, Choice]:
    """The choices that a Schedule is made of, by its fields' names."""
    return {f.name: f.metadata[CHOICE] for f in fields(Schedule)}


def space_of(kind: str) -> list[Schedule]:
    """Every schedule that kernels of a kind may have, the default one first."""
    every: Iterable[tuple[Any, ...]] = itertools.product(*(c.of(kind) for c in choices().values()))
    return [Schedule(*values) for values in every]


def outside_space(kind: str, schedule: Schedule) -> str | None:
    """The first field of a schedule whose value no tuner may choose for kernels of a kind, and its value."""
    asked = asdict(schedule)
    return next((f"{n} {asked[n]}" for n, c in choices().items() if not among(asked[n], c.of(kind))), None)


def parse_schedule(entry: Any) -> Schedule:
    """The Schedule of a JSON object, as `asdict` has it; a field that is not there has its first value.

    Raises ValueError for a field that there is not, or a value that it cannot have for any kind of kernel.
    """
    if not isinstance(entry, dict):
        raise ValueError("'schedule' is no JSON object")
    known = choices()
    for name, value in entry.items():
        if name not in known:
            raise ValueError(f"'schedule' has a field {name!r}, which this version does not know")
        if not among(value, known[name].values):
            raise ValueError(f"{name!r} is {value!r}, not one of {', '.join(map(str, known[name].values))}")
    return Schedule(**entry)


def among(value: Any, values: Iterable[Value]) -> bool:
    """Whether a value is one of some; True and 1.0 are not 1."""
    return any(type(value) is type(v) and value == v for v in values)


@dataclass(frozen=True)
class Schedules:
    """All that is chosen for a target."""

    segment_bytes: int
    """What a segment may touch again and again, its rings and constants: what does not stay in the second-level cache
    travels to DRAM like a whole map, and does so for each ring of the segment, not only for its last map."""
    kernels: Mapping[str, Schedule] = field(
        default_factory=lambda: MappingProxyType({kind: space_of(kind)[0] for kind in MAIN_LEAF})
    )
    """The schedules of kernels that no record is of, by their kind."""
    records: Mapping[str, Record] = field(default_factory=lambda: MappingProxyType({}))
    """What was measured, by a kernel's key."""

    def of(self, stage: Stage) -> Schedule:
        """The default schedule of a stage's kernel."""
        return self.kernels[main_leaf(stage)]


def main_leaf(stage: Stage) -> str:
    """The kind of a stage's kernel."""
    kinds = {type(e).__name__ for e in stage.expressions()}
    return next(kind for kind in MAIN_LEAF if kind in kinds)


DEFAULT = Schedules(segment_bytes=3 << 18)
"""For the Raspberry Pi 4: three quarters of its second-level cache."""
BY_TARGET: dict[str, Schedules] = {
    "rpi3": replace(DEFAULT, segment_bytes=3 << 17),
    "rpi-zero2w": replace(DEFAULT, segment_bytes=3 << 17),
}


def schedules_for(target: str) -> Schedules:
    """What is chosen for the target of this name."""
    return BY_TARGET.get(target, DEFAULT)
