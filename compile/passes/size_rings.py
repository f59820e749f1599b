# SPDX-License-Identifier: Apache-2.0
"""The rows that each map keeps: those that one thread needs, and some more where there are several.

A row's slot is free when no task that has not finished reads it. One thread, task by task in the order, needs so many
slots and no more; they stay in the cache. Two threads can be in neighbouring stages at once only where the first of
them may go on: for several, a ring has room for another task of its writer. They can be in one stage only where it has
room for a task of each; so the ring of a stage that is most of its group's work has that.
"""

from __future__ import annotations

import math

from ..ir.buffers import Buffer
from ..ir.memory import Order
from ..ir.steps import Kernels, Step
from .reuse_places import chain, successors
from .share_bands import THREADS
from .task_rows import TaskRows

COUNTED = 64
"""One-bit multiply-adds that are as much work as one of float32."""


def size_rings(kernels: Kernels, order: Order) -> dict[Buffer, int]:
    """Rows of each map that the steps write, for one thread; all of it where a step needs it whole."""
    return one_ring(kernels, own_rings(TaskRows(kernels.steps, order.rows), order))


def own_rings(rows: TaskRows, order: Order) -> dict[Buffer, int]:
    """The same of each map by itself."""
    slots = dict.fromkeys(rows.writer, 1)
    finished = [0] * len(rows.steps)
    for k in order.steps:
        for b in rows.steps[k].stage.outputs:
            slots[b] = max(slots[b], min(rows.slots_for(k, b, finished[k], finished), b.height))
        finished[k] += 1
    for step in rows.steps:
        if step.stage.parts:
            slots |= {op.buffer: op.buffer.height for op in step.operands if op.buffer in slots}
    return slots


def one_ring(kernels: Kernels, slots: dict[Buffer, int]) -> dict[Buffer, int]:
    """With as many rows for all maps that take each other's place."""
    found = successors(kernels.steps)
    for first in slots.keys() - found.values():
        maps = chain(first, found)
        slots |= dict.fromkeys(maps, max(slots[b] for b in maps))
    return slots


def widen_rings(kernels: Kernels, slots: dict[Buffer, int], order: Order) -> dict[Buffer, int]:
    """The same for several threads: the writers of a ring may be some tasks ahead."""
    found, ahead = successors(kernels.steps), rows_ahead(kernels, order)
    for first in slots.keys() - found.values():
        maps = chain(first, found)
        more = sum(ahead[b] for b in maps)
        slots = slots | {b: min(slots[b] + more, b.height) for b in maps}
    return slots


def rows_ahead(kernels: Kernels, order: Order) -> dict[Buffer, int]:
    """Rows of each map that its writer may be ahead: a task. Of a step that is most of its group's work, as many tasks
    as threads have to be in it at once, lest the others find nothing to do; and the rows that so many tasks read."""
    steps = kernels.steps
    ahead = {b: rows for step, rows in zip(steps, order.rows, strict=True) for b in step.stage.outputs}
    for group in order.groups:
        whole = sum(work_of(steps[k]) for k in group)
        for k in group:
            tasks = math.ceil(THREADS * work_of(steps[k]) / max(whole, 1)) - 1
            if tasks > 1:
                rows = tasks * order.rows[k]
                ahead |= dict.fromkeys(steps[k].stage.outputs, rows)
                read = {op.buffer: rows * op.mul // max(op.div, 1) for op in steps[k].operands if op.buffer in ahead}
                ahead |= {b: max(ahead[b], more) for b, more in read.items()}
    return ahead


def work_of(step: Step) -> float:
    """Multiply-adds of float32, about."""
    return step.stage.work.binary / COUNTED + step.stage.work.full
