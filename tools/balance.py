# SPDX-License-Identifier: Apache-2.0
"""The share of each of N threads in a run, by what each stage's tasks cost.

The runtime's claims (runtime/src/flow.c) replayed: a thread that is free takes the first task of the plan's list whose
rows and slots are there; the list, the rings and what tasks read are the plan's own. Threads are of equal speed and
cost nothing themselves: what is shown is how well the list and its rings keep them busy, without a stopwatch.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from ..compile.ir.limits import LOOK_AHEAD
from ..compile.ir.plan import Plan
from ..compile.passes.task_rows import TaskRows


@dataclass(frozen=True)
class Balance:
    """The part of all work that each thread does, and how much sooner they end than one."""

    shares: tuple[float, ...]
    speedup: float
    seconds: float | None = None
    """Time of a frame by the model, memory and all (thread_times.py); None where the model has none."""
    emulated: tuple[float, ...] | None = None
    """Shares of the kernels' cycles that threads had on the emulated device, whose threads share this machine's cores
    with whatever else runs there."""


class Claims:
    """The tasks of a plan as threads claim them."""

    def __init__(self, plan: Plan) -> None:
        self.steps = plan.kernels.steps
        layout = plan.sharing
        self.rows = TaskRows(self.steps, layout.order.rows)
        self.slots = {b: p.slots for b, p in layout.arena.placements.items()}
        seen = [0] * len(self.steps)
        self.order: list[tuple[int, int]] = []
        for k in layout.order.steps:
            self.order.append((k, seen[k]))
            seen[k] += 1
        self.claimed, self.finished = [0] * len(self.steps), [0] * len(self.steps)
        self.behind: list[set[int]] = [set() for _ in self.steps]
        self.head = 0

    def is_ready(self, k: int, task: int) -> bool:
        """Whether a task of a step may run."""
        if not self.rows.has_inputs(k, task, self.finished):
            return False
        rings = (b for b in self.steps[k].stage.outputs if self.slots.get(b, b.height) < b.height)
        return all(self.rows.slots_for(k, b, task, self.finished) <= self.slots[b] for b in rings)

    def claim(self) -> tuple[int, int] | None:
        """The first of the list that may run; None where none may."""
        order = self.order
        while self.head < len(order) and order[self.head][1] < self.claimed[order[self.head][0]]:
            self.head += 1
        for k, task in order[self.head : self.head + LOOK_AHEAD]:
            if task == self.claimed[k] and self.is_ready(k, task):
                self.claimed[k] += 1
                return k, task
        return None

    def finish(self, k: int, task: int) -> None:
        """A task has ended."""
        self.behind[k].add(task)
        while self.finished[k] in self.behind[k]:
            self.finished[k] += 1


def balance(plan: Plan, costs: Sequence[float], threads: int, alone: float | None = None) -> Balance:
    """`costs` is what all tasks of each stage cost together, in any unit, as several threads have them; `alone` what
    one thread's cost that are cut for it, by default the same."""
    claims = Claims(plan)
    busy, now = [0.0] * threads, 0.0
    free, under_way = list(range(threads)), list[tuple[float, int, int, int]]()
    while True:
        while free and (claimed := claims.claim()):
            k, task = claimed
            cost = costs[k] / claims.rows.counts[k]
            busy[free[-1]] += cost
            heapq.heappush(under_way, (now + cost, free.pop(), k, task))
        if not under_way:
            break
        now, thread, k, task = heapq.heappop(under_way)
        claims.finish(k, task)
        free.append(thread)
    total = sum(busy)
    return Balance(tuple(b / total for b in busy), (total if alone is None else alone) / now)
