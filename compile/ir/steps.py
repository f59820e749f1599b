# SPDX-License-Identifier: Apache-2.0
"""Stages that are ready to run: kernels, and the steps that call them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .buffers import Operand
from .schedule import Record, Schedule
from .stages import Stage

if TYPE_CHECKING:
    from tvm import tirx


@dataclass(frozen=True)
class Step:
    """A stage ready to run: its kernel's name, its rows, its constants."""

    stage: Stage
    kernel: str
    operands: tuple[Operand, ...]
    parameters: bytes  # as the library carries them
    counts: dict[str, int]  # element type -> constants of it; "runs" -> those of its tables
    sections: dict[str, int]  # element type -> byte offset among the replicated constants; "end" is their size
    schedule: Schedule
    record: Record | None = None  # that the schedule is of; None: it is the default one

    def tasks(self, rows: int | None = None) -> int:
        """Tasks of so many rows, or of a band of them; its parts where it has no rows."""
        return self.stage.parts or -(-self.stage.height // (rows or self.schedule.band))


@dataclass(frozen=True)
class Kernels:
    """The kernels by name, and the steps that call them."""

    funcs: dict[str, tirx.PrimFunc]
    steps: list[Step]

    def summary(self) -> str:
        """Their number, and where their schedules are from, in a line for a person."""
        whose = Counter(r.database if r else None for r in {step.kernel: step.record for step in self.steps}.values())
        untuned = whose.pop(None, 0)
        parts = [f"{n} as {whose} records have them" for whose, n in sorted(whose.items())]
        parts += [f"{untuned} by the default schedule, not tuned"] if untuned else []
        return f"{len(self.funcs)}: {', '.join(parts)}"
