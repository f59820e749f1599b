# SPDX-License-Identifier: Apache-2.0
"""The rows that each map keeps: those that one thread needs, and some more where there are several.

A row's slot is free when no task that has not finished reads it. One thread, task by task in the order, needs so many
slots and no more; they stay in the cache. Two threads can be in neighbouring stages at once only where the first of
them may go on: for several, a ring has room for another task of its writer.
"""

from __future__ import annotations

from ..ir.buffers import Buffer
from ..ir.memory import Order
from ..ir.steps import Kernels
from .reuse_places import chain, successors
from .task_rows import TaskRows


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
    """The same for several threads: all the writers of a ring may be a task ahead."""
    found = successors(kernels.steps)
    task = {b: rows for step, rows in zip(kernels.steps, order.rows, strict=True) for b in step.stage.outputs}
    for first in slots.keys() - found.values():
        maps = chain(first, found)
        ahead = sum(task[b] for b in maps)
        slots = slots | {b: min(slots[b] + ahead, b.height) for b in maps}
    return slots
