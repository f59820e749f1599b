# SPDX-License-Identifier: Apache-2.0
"""Schedules as data: how each kind of kernel is blocked, and how much memory a segment may touch.

What a tuner may choose is here and nowhere else; the results do not depend on it. (A vector's width is the core's: the
layout of maps rests on it. The encoding of a map is its Buffer's.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType

from ..targets.cores import CORTEX_A72, Core
from .ir.schedule import Record, Schedule
from .ir.stages import Stage

KERNELS: Mapping[str, Schedule] = MappingProxyType(
    {
        "BinaryDot": Schedule(channels=2),
        "Convolution": Schedule(channels=2),
        "Upsample": Schedule(channels=1),
        "PoolSum": Schedule(channels=1),
        "Load": Schedule(channels=2),
    }
)
"""The default schedules, by the kind of a kernel."""


@dataclass(frozen=True)
class Schedules:
    """All that is chosen for a target."""

    segment_bytes: int = CORTEX_A72.segment_bytes
    """What a segment may touch again and again (`Core.segment_bytes`)."""
    kernels: Mapping[str, Schedule] = field(default_factory=lambda: KERNELS)
    """Of kernels that no record is of, by their kind."""
    records: Mapping[str, Record] = field(default_factory=lambda: MappingProxyType({}))
    """What was measured, by a kernel's key."""

    def of(self, stage: Stage) -> Schedule:
        """The default schedule of a stage's kernel."""
        return self.kernels[main_leaf(stage)]


SPACE: dict[str, dict[str, tuple[int, ...]]] = {
    kind: {"channels": (1, 2, 4, 8), **({"counted": (2, 4, 8), "unrolled": (1, 2, 4)} if kind == "BinaryDot" else {})}
    for kind in KERNELS
}
"""What a tuner may choose, by a kernel's kind: values of a Schedule's fields."""


def outside_space(kind: str, schedule: Schedule) -> str | None:
    """The first field of a schedule whose value no tuner may choose for kernels of a kind, and its value."""
    default = DEFAULT.kernels[kind]
    for name, value in asdict(schedule).items():
        if value not in SPACE[kind].get(name, (getattr(default, name),)):
            return f"{name} {value}"
    return None


def main_leaf(stage: Stage) -> str:
    """The kind of a stage's kernel: the first of the kinds that lead, by their place among them."""
    leading = [type(e) for e in stage.expressions() if e.leads is not None]
    return min(leading, key=lambda kind: kind.leads or 0).__name__


DEFAULT = Schedules()


def schedules_for(core: Core) -> Schedules:
    """What is chosen for a core's kernels where nothing was measured."""
    return Schedules(segment_bytes=core.segment_bytes)
