# SPDX-License-Identifier: Apache-2.0
"""The order in which one thread runs the tasks of all stages, and several threads take those of another list.

Within a *group* of stages, the deepest one that is ready is next: rows are read while they are in the cache, and maps
between the stages are rings of a few rows. Rings, and constants, which a band reads anew, are used again and again;
when they are more than the second-level cache holds, all of them travel to DRAM and back for each band. So the network
is cut into groups that it does hold, where least is stored between them (`cut_groups`), and the groups take turns:

    sweep 1: the first rows of group 1, of group 2, ...; sweep 2: the next rows; ...

In each sweep a group's rings and constants come from DRAM once. Maps between groups keep the rows of a sweep and not
all of them; how many sweeps there are is how much memory is had for how much traffic (`count_sweeps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ..errors import CompileError
from ..ir.buffers import Buffer
from ..ir.limits import MAX_STAGES, MAX_TASKS
from ..ir.memory import Order
from ..ir.steps import Kernels
from ..refusals import whole
from ..schedules import Schedules
from .reuse_places import chain
from .size_rings import own_rings
from .task_rows import TaskRows

SWEEP_SHARE = 1 / 8
"""Traffic that all sweeps but the first may cost, of that of the maps between groups."""


def order_tasks(kernels: Kernels, schedules: Schedules, task_rows: Sequence[int] | None = None) -> Order:
    """With so many rows a task of each step, by default its band. Raises CompileError where there are more stages, or
    tasks of one, than a plan can list."""
    rows = TaskRows(kernels.steps, task_rows)
    check_limits(rows)
    everything = [range(len(kernels.steps))]
    slots = own_rings(TaskRows(kernels.steps, task_rows, apart=True), run_sweeps(rows, everything, 1))
    groups = cut_groups(rows, slots, schedules.group_bytes)
    return run_sweeps(rows, groups, count_sweeps(rows, slots, groups))


def check_limits(rows: TaskRows) -> None:
    """Raises CompileError."""
    if len(rows.steps) > MAX_STAGES:
        raise CompileError(
            f"the network has {len(rows.steps)} stages, more than {MAX_STAGES}; compile it in parts", whole.STAGES
        )
    for step, tasks in zip(rows.steps, rows.counts, strict=True):
        if tasks > MAX_TASKS:
            raise CompileError(
                f"{step.stage.name}: {tasks} bands of rows are more than {MAX_TASKS}; compile for a smaller size",
                whole.BANDS,
            )


def run_sweeps(rows: TaskRows, groups: list[range], sweeps: int) -> Order:
    """All tasks; in each sweep every step goes on to its share of its rows, as far as what it reads is there."""
    finished = [0] * len(rows.steps)
    done: list[int] = []
    for sweep in range(1, sweeps + 1):
        limits = [-(-n * sweep // sweeps) for n in rows.counts]
        for group in groups:
            run_group(rows, group, limits, finished, done)
    return Order(done, rows.rows, groups, sweeps)


def run_group(rows: TaskRows, group: range, limits: list[int], finished: list[int], done: list[int]) -> None:
    """Appends tasks of a group to `done` while there are some that are ready and below their step's limit."""
    k = group.stop - 1
    while k >= group.start:
        if finished[k] == limits[k] or not rows.has_inputs(k, finished[k], finished):
            k -= 1
            continue
        done.append(k)
        finished[k] += 1
        # nobody else has become ready
        k = max([k, *(r for b in rows.steps[k].stage.outputs for r, _ in rows.readers[b] if r in group)])


@dataclass
class Group:
    """Some steps that follow each other; it grows towards the network's beginning."""

    rows: TaskRows
    slots: dict[Buffer, int]
    stop: int
    constants: int = 0
    kept: dict[Buffer, int] = field(default_factory=dict)
    """Rows of a map that only the group reads, and of all those before it that it takes the place of, by the last."""
    rings: int = 0
    """Bytes of the maps that only the group reads."""
    single: int = 0
    """Bytes of a row of each other map."""
    traffic: int = 0
    """Bytes that go to DRAM and come back since the group ends: of a map that others read each line is fetched to be
    written, and written; of one that it reads, fetched."""
    read: set[Buffer] = field(default_factory=set)
    """Maps of others."""

    @property
    def working_set(self) -> int:
        """Bytes that the group uses again and again."""
        return self.rings + self.single + self.constants

    def add(self, k: int) -> None:
        """Takes in the step before its first."""
        step = self.rows.steps[k]
        self.constants += step.sections["end"]
        for b in step.stage.outputs:
            if b in self.read:
                self.read.remove(b)
                self.single -= b.row_bytes
                self.traffic -= b.map_bytes
            if any(reader >= self.stop for reader, _ in self.rows.readers[b]):
                self.single += 0 if b.replaces else b.row_bytes
                self.traffic += 2 * b.map_bytes
            elif b.external is None:
                self.keep(b, self.rows.rows[k])
        for b in {r.buffer for r in self.rows.reads[k]} - self.read:
            self.read.add(b)
            self.single += b.row_bytes
            self.traffic += b.map_bytes

    def keep(self, b: Buffer, task: int) -> None:
        """Takes in the ring of a map; the rows at hand are where those were that they take the place of."""
        last = chain(b, self.rows.successors)[-1]
        before = self.kept.get(last, 0)
        self.kept[last] = min(before + self.slots[b] - (task if b.replaces else 0), b.height)
        self.rings += (self.kept[last] - before) * b.row_bytes


def group_of(rows: TaskRows, slots: dict[Buffer, int], steps: range) -> Group:
    """A group of some steps."""
    group = Group(rows, slots, steps.stop)
    for k in reversed(steps):
        group.add(k)
    return group


def cut_groups(rows: TaskRows, slots: dict[Buffer, int], room: int) -> list[range]:
    """The groups of least traffic, each of at most `room` bytes or of one step; the fewest where that is equal."""
    n = len(rows.steps)
    best = [(0, 0, 0)]  # of the steps before each: traffic, groups, where the last of these begins
    for stop in range(1, n + 1):
        found, group = [], Group(rows, slots, stop)
        for start in range(stop - 1, -1, -1):
            group.add(start)
            if group.constants > room and start < stop - 1:
                break  # it only grows
            if group.working_set <= room or start == stop - 1:
                cost, count, _ = best[start]
                found.append((cost + group.traffic, count + 1, start))
        best.append(min(found))
    cuts = [n]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][2])
    return [range(a, b) for a, b in pairwise(reversed(cuts))]


def count_sweeps(rows: TaskRows, slots: dict[Buffer, int], groups: list[range]) -> int:
    """As many as cost no more than SWEEP_SHARE of what the groups cost anyway, and as there are bands; one where there
    is one group."""
    if len(groups) == 1:
        return 1
    found = [group_of(rows, slots, group) for group in groups]
    a_sweep = sum(2 * group.rings + group.constants for group in found)
    anyway = sum(group.traffic for group in found)
    return min(1 + int(SWEEP_SHARE * anyway / max(a_sweep, 1)), max(rows.counts))
