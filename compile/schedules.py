# SPDX-License-Identifier: Apache-2.0
"""Schedules as data: how each kind of kernel is blocked, and how much memory a segment may touch, target by target.

What a tuner may choose is here and nowhere else; the results do not depend on it. (A vector's width is LANES for all:
the layout of maps rests on it. The dtype of a map, float32 or bits, is its Buffer's.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType

from .ir.schedule import Record, Schedule
from .ir.stages import Stage

MAIN_LEAF = ("BinaryDot", "Convolution", "Upsample", "PoolSum", "Load")
"""A kernel's kind is the first of these that it has."""


@dataclass(frozen=True)
class Schedules:
    """All that is chosen for a target."""

    segment_bytes: int
    """What a segment may touch again and again, its rings and constants: what does not stay in the second-level cache
    travels to DRAM like a whole map, and does so for each ring of the segment, not only for its last map."""
    kernels: Mapping[str, Schedule] = field(
        default_factory=lambda: MappingProxyType(
            {
                "BinaryDot": Schedule(channels=2),
                "Convolution": Schedule(channels=2),
                "Upsample": Schedule(channels=1),
                "PoolSum": Schedule(channels=1),
                "Load": Schedule(channels=2),
            }
        )
    )
    """Of kernels that no record is of, by their kind."""
    records: Mapping[str, Record] = field(default_factory=lambda: MappingProxyType({}))
    """What was measured, by a kernel's key."""

    def of(self, stage: Stage) -> Schedule:
        """The default schedule of a stage's kernel."""
        return self.kernels[main_leaf(stage)]


SPACE: dict[str, dict[str, tuple[int, ...]]] = {
    kind: {"channels": (1, 2, 4, 8), **({"counted": (2, 4, 8), "unrolled": (1, 2, 4)} if kind == "BinaryDot" else {})}
    for kind in MAIN_LEAF
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
