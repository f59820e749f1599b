# SPDX-License-Identifier: Apache-2.0
"""The order in which one thread runs the bands of all stages; several threads take them from the same list.

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

from ..errors import CompileError
from ..ir.buffers import Buffer
from ..ir.limits import MAX_STAGES, MAX_TASKS
from ..ir.memory import Order
from ..ir.steps import Kernels, Step
from ..schedules import Schedules
from .size_rings import size_rings
from .task_rows import TaskRows

SWEEP_SHARE = 1 / 8
"""Traffic that all sweeps but the first may cost, of that of the maps between groups."""


def order_tasks(kernels: Kernels, schedules: Schedules) -> Order:
    """Raises CompileError where there are more stages, or bands of one, than a plan can list."""
    check_limits(kernels.steps)
    rows = TaskRows(kernels.steps)
    everything = [range(len(kernels.steps))]
    slots = size_rings(kernels, run_sweeps(rows, everything, 1))
    groups = cut_groups(rows, slots, schedules.group_bytes)
    return run_sweeps(rows, groups, count_sweeps(rows, slots, groups))


def check_limits(steps: Sequence[Step]) -> None:
    """Raises CompileError."""
    if len(steps) > MAX_STAGES:
        raise CompileError(f"the network has {len(steps)} stages, more than {MAX_STAGES}; compile it in parts")
    for step in steps:
        if step.tasks > MAX_TASKS:
            raise CompileError(
                f"{step.stage.name}: {step.tasks} bands of rows are more than {MAX_TASKS}; compile for a smaller size"
            )


def run_sweeps(rows: TaskRows, groups: list[range], sweeps: int) -> Order:
    """All tasks; in each sweep every step goes on to its share of its rows, as far as what it reads is there."""
    finished = [0] * len(rows.steps)
    done: list[int] = []
    for sweep in range(1, sweeps + 1):
        limits = [-(-n * sweep // sweeps) for n in rows.counts]
        for group in groups:
            run_group(rows, group, limits, finished, done)
    return Order(done, groups, sweeps)


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


def written_outside(rows: TaskRows, group: range) -> list[Buffer]:
    """Maps that a group reads of others."""
    return list({r.buffer: None for k in group for r in rows.reads[k] if r.writer not in group})


def read_outside(rows: TaskRows, group: range) -> list[Buffer]:
    """Maps of a group that others read."""
    outputs = (b for k in group for b in rows.steps[k].stage.outputs)
    return [b for b in outputs if any(reader not in group for reader, _ in rows.readers[b])]


def rings_of(rows: TaskRows, group: range, slots: dict[Buffer, int]) -> int:
    """Bytes of the maps that only a group reads."""
    outer = set(read_outside(rows, group))
    inner = (b for k in group for b in rows.steps[k].stage.outputs if b not in outer and b.external is None)
    return sum(slots[b] * b.row_bytes for b in inner)


def constants_of(rows: TaskRows, group: range) -> int:
    """Bytes of a group's constants."""
    return sum(rows.steps[k].sections["end"] for k in group)


def working_set(rows: TaskRows, group: range, slots: dict[Buffer, int]) -> int:
    """Bytes that a group uses again and again: its rings, a row of each other map, and its constants."""
    others = {*written_outside(rows, group), *read_outside(rows, group)}
    single = sum(b.row_bytes for b in others)
    return rings_of(rows, group, slots) + single + constants_of(rows, group)


def traffic(rows: TaskRows, group: range) -> int:
    """Bytes that go to DRAM and come back since a group ends: of a map that others read each line is fetched to be
    written, and written; of one that it reads, fetched."""
    stored = sum(b.map_bytes for b in read_outside(rows, group))
    return 2 * stored + sum(b.map_bytes for b in written_outside(rows, group))


def cut_groups(rows: TaskRows, slots: dict[Buffer, int], room: int) -> list[range]:
    """The groups of least traffic, each of at most `room` bytes or of one step; the fewest where that is equal."""
    n = len(rows.steps)
    best: list[tuple[int, int, list[range]]] = [(0, 0, [])]
    for stop in range(1, n + 1):
        found = []
        for start in range(stop - 1, -1, -1):
            group = range(start, stop)
            if len(group) > 1 and constants_of(rows, group) > room:
                break  # it only grows
            if len(group) == 1 or working_set(rows, group, slots) <= room:
                cost, count, before = best[start]
                found.append((cost + traffic(rows, group), count + 1, [*before, group]))
        best.append(min(found, key=lambda f: f[:2]))
    return best[n][2]


def count_sweeps(rows: TaskRows, slots: dict[Buffer, int], groups: list[range]) -> int:
    """As many as cost no more than SWEEP_SHARE of what the groups cost anyway, and as there are bands; one where there
    is one group."""
    if len(groups) == 1:
        return 1
    a_sweep = sum(2 * rings_of(rows, group, slots) + constants_of(rows, group) for group in groups)
    anyway = sum(traffic(rows, group) for group in groups)
    return min(1 + int(SWEEP_SHARE * anyway / max(a_sweep, 1)), max(rows.counts))
