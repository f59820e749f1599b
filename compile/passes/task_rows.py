# SPDX-License-Identifier: Apache-2.0
"""The rows that tasks read and write: the arithmetic of runtime/src/flow.c, for the passes that order them.

A task is the next few of a step's rows, a band or a part of one, or the next part of one that has no rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.buffers import Buffer
from ..ir.memory import bands
from ..ir.steps import Step
from .reuse_places import chain, successors


@dataclass(frozen=True)
class Read:
    """A map that a step reads: the step that writes it; by the reader's task, from which row on it and all after it
    need rows, and how many rows must be there."""

    buffer: Buffer
    writer: int
    starts: list[int]
    ends: list[int]


class TaskRows:
    """The tasks of all steps, and what they read of each other."""

    def __init__(self, steps: Sequence[Step], rows: Sequence[int] | None = None, *, apart: bool = False) -> None:
        """`rows` are those of a task of each step, by default its band; `apart`: as if no map took the place of
        another."""
        self.steps = steps
        self.rows = list(rows) if rows else bands(steps)
        self.counts = [step.tasks(n) for step, n in zip(steps, self.rows, strict=True)]
        self.writer = {b: k for k, step in enumerate(steps) for b in step.stage.outputs}
        self.reads = [self.reads_of(k) for k in range(len(steps))]
        self.successors = {} if apart else successors(steps)
        self.readers: dict[Buffer, list[tuple[int, Read]]] = {b: [] for b in self.writer}
        for k, reads in enumerate(self.reads):
            for read in reads:
                self.readers[read.buffer].append((k, read))

    def reads_of(self, k: int) -> list[Read]:
        """All that a step reads of other steps, operand by operand."""
        step = self.steps[k]
        first = np.arange(0, step.stage.height, self.rows[k])
        last = np.minimum(first + self.rows[k], step.stage.height)
        found = []
        for op in step.operands:
            if op.buffer not in self.writer:
                continue
            starts, ends = op.needed_rows(first, last)
            if step.stage.parts:
                starts, ends = np.zeros(self.counts[k], int), np.full(self.counts[k], op.buffer.height)
            later = np.minimum.accumulate(starts[::-1])[::-1]  # an odd row may look further up than the one before
            found.append(Read(op.buffer, self.writer[op.buffer], later.tolist(), ends.tolist()))
        return found

    def finished_rows(self, k: int, finished: int) -> int:
        """Rows of step k's maps that are there when so many of its tasks have finished."""
        step = self.steps[k]
        if finished == self.counts[k]:
            return step.stage.height
        return 0 if step.stage.parts else finished * self.rows[k]

    def has_inputs(self, k: int, task: int, finished: Sequence[int]) -> bool:
        """Whether the rows are there that a task of step k reads."""
        return all(self.finished_rows(r.writer, finished[r.writer]) >= r.ends[task] for r in self.reads[k])

    def slots_for(self, k: int, buffer: Buffer, task: int, finished: Sequence[int]) -> int:
        """Rows of a map of step k, from the oldest that is yet to be read, or written, to the last of `task`; those of
        maps that take its place are read there too."""
        if self.steps[k].stage.parts:
            return buffer.height
        maps = chain(buffer, self.successors)
        readers = ((reader, read.starts) for b in maps for reader, read in self.readers[b])
        needed = (starts[finished[reader]] for reader, starts in readers if finished[reader] < self.counts[reader])
        return self.finished_rows(k, task + 1) - min(self.finished_rows(k, finished[k]), *needed, buffer.height)
