# SPDX-License-Identifier: Apache-2.0
"""Schedules as data: how each kind of kernel is blocked, and how much memory a group of them may touch.

A tuner chooses values of a Schedule's fields (ir/schedule.py) and nothing else; the results do not depend on them. (A
vector's width is the core's: the layout of maps rests on it. The encoding of a map is its Buffer's.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from ..targets.cores import CORTEX_A72, Core
from .ir.schedule import CHOICE, Choice, Record, Schedule, Value
from .ir.stages import Stage


def choices() -> dict[str, Choice]:
    """The choices that a Schedule is made of, by its fields' names."""
    return {f.name: f.metadata[CHOICE] for f in fields(Schedule)}


def default_of(kind: str) -> Schedule:
    """The schedule of kernels of a kind that no record is of."""
    values: Iterable[Any] = (c.of(kind)[0] for c in choices().values())
    return Schedule(*values)


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
            raise ValueError(f"'schedule' has a field {repr(name)[:40]}, which this version does not know")
        if not among(value, known[name].values):
            raise ValueError(f"{name!r} is {repr(value)[:40]}, not one of {', '.join(map(str, known[name].values))}")
    return Schedule(**entry)


def among(value: Any, values: Iterable[Value]) -> bool:
    """Whether a value is one of some; True and 1.0 are not 1."""
    return any(type(value) is type(v) and value == v for v in values)


@dataclass(frozen=True)
class Schedules:
    """All that is chosen for a target."""

    group_bytes: int = CORTEX_A72.group_bytes
    """Bytes that a group of stages may touch again and again (`Core.group_bytes`)."""
    records: Mapping[str, Record] = field(default_factory=lambda: MappingProxyType({}))
    """Records of what was measured, by a kernel's key."""

    def of(self, stage: Stage) -> Schedule:
        """The default schedule of a stage's kernel."""
        default = default_of(main_leaf(stage))
        bands = [band for e in stage.expressions() if (band := e.suits_band(stage))]
        return replace(default, band=max(bands)) if bands else default


def main_leaf(stage: Stage) -> str:
    """The kind of a stage's kernel: the first of the kinds that lead, by their place among them."""
    leading = [type(e) for e in stage.expressions() if e.leads is not None]
    return min(leading, key=lambda kind: kind.leads or 0).__name__


DEFAULT = Schedules()


def schedules_for(core: Core) -> Schedules:
    """Schedules of a core's kernels where nothing was measured."""
    return Schedules(group_bytes=core.group_bytes)
