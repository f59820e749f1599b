# SPDX-License-Identifier: Apache-2.0
"""Memory: in which order the bands of all stages run, and where each map lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..storage.layout import round_up
from .buffers import Buffer
from .limits import INSTANCE_BUFFER_BYTES, INSTANCE_BYTES, INSTANCE_STAGE_BYTES, MAX_STRIDE
from .steps import Step

ALIGNMENT = 64
SLACK = 16 * 4 * MAX_STRIDE
"""Bytes behind the last map: the last vector of a row may read (never write) past the row's end, at most as many
vectors of 16 float32 as the stride is columns (the window's padding is within the row's margin)."""


@dataclass(frozen=True)
class Order:
    """The tasks of all steps as one thread runs them: each entry is a step, whose next rows (or part) it is. `rows` are
    those of a task of each step.

    Steps of a group run together, task by task; in each sweep all groups have a turn.
    """

    steps: list[int]
    rows: list[int]
    groups: list[range]
    sweeps: int

    @classmethod
    def one_by_one(cls, steps: Sequence[Step]) -> Order:
        """Each step to its end before the next."""
        tasks = [k for k, step in enumerate(steps) for _ in range(step.tasks())]
        return cls(tasks, bands(steps), [range(len(steps))], 1)


def bands(steps: Iterable[Step]) -> list[int]:
    """The most rows that each step's kernel computes at once."""
    return [step.schedule.band for step in steps]


@dataclass(frozen=True)
class Placement:
    """A map's memory: bytes in the arena, rows kept, the steps that it lives for."""

    buffer: Buffer
    offset: int
    slots: int
    first: int
    last: int
    successor: Buffer | None = None
    """The map that takes its place row for row, and is in the same."""

    @property
    def bytes(self) -> int:
        """Bytes it takes."""
        return self.slots * self.buffer.row_bytes


@dataclass(frozen=True)
class Arena:
    """A memory plan. It begins with the zero row (what windows read above and below a map) and the constants."""

    placements: dict[Buffer, Placement]
    zero_bytes: int
    constants: list[int]  # offset of each step's constants, replicated
    bytes: int


@dataclass(frozen=True)
class Layout:
    """The memory of all maps, and the order of tasks that its rings suit."""

    arena: Arena
    order: Order


def instance_bytes(buffers: int, stages: int, inputs: Iterable[int]) -> int:
    """Bytes of the arena behind its maps, on any number of threads: the instance with its tables of `buffers` and
    `stages`, and each input (its bytes) once it is converted."""
    own = INSTANCE_BYTES + buffers * INSTANCE_BUFFER_BYTES + stages * INSTANCE_STAGE_BYTES
    return sum(round_up(n, ALIGNMENT) for n in (own, *inputs))
