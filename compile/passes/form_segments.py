# SPDX-License-Identifier: Apache-2.0
"""Stages that run together, row by row, so that the maps between them need not be stored whole.

A *segment* is a run of stages. A thread computes a stripe of the last stage's rows, and of the others just the
rows that these need, each as late as possible: a map that only the segment reads then is a ring of its last rows.
At the edge of a stripe both neighbours compute the rows that both need (the halo).

A stage joins the segment before it unless
- a map that is read outside of the segment would be computed in a halo (two threads would write the same row), or
  would have rows between two stripes that nobody computes, or
- the halo would be more than MAX_HALO of a map's rows, or
- what the segment touches again and again, its rings and constants, would be more than the schedules give it, or
- the segment has as many stages as the runtime walks, or
- it, or one of the segment's, has no rows (`Stage.parts`).

How many threads there are is known on the device only, so this is asked of the stripes of every number of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..ir.buffers import Buffer, Rows
from ..ir.limits import MAX_SEGMENT, MAX_THREADS
from ..ir.memory import Segment
from ..ir.steps import Kernels, Step
from ..schedules import Schedules

MAX_HALO = 1 / 8


def form_segments(kernels: Kernels, schedules: Schedules) -> list[Segment]:
    """Greedily, from the first stage to the last."""
    steps = kernels.steps
    segments, first = [], 0
    while first < len(steps):
        segment = Segment(first, first + 1, ring_slots(steps, first, first + 1))
        while (longer := extended(steps, segment, schedules.segment_bytes)) is not None:
            segment = longer
        segments.append(segment)
        first = segment.last
    return segments


def extended(steps: Sequence[Step], segment: Segment, room: int) -> Segment | None:
    """The segment with one more step; None where that may not join, or needs more than `room` bytes."""
    first, last = segment.first, segment.last + 1
    if last > len(steps) or last - first > MAX_SEGMENT or not can_stream(steps, first, last):
        return None
    slots = ring_slots(steps, first, last)
    return Segment(first, last, slots) if working_set(steps[first:last], slots) <= room else None


def working_set(steps: Sequence[Step], slots: dict[Buffer, int]) -> int:
    """Bytes of a segment's rings, of a row of each of its other maps, and of its constants."""
    maps = {op.buffer for step in steps for op in step.operands} | slots.keys()
    rows = {b: slots[b] if slots.get(b, b.height) < b.height else 1 for b in maps}
    return sum(n * b.row_bytes for b, n in rows.items()) + sum(step.sections["end"] for step in steps)


def layer_by_layer(kernels: Kernels) -> list[Segment]:
    """Each stage on its own, every map whole: for looking at single stages."""
    return [Segment(k, k + 1, {b: b.height for b in step.stage.outputs}) for k, step in enumerate(kernels.steps)]


def producers(steps: Sequence[Step], first: int, last: int) -> dict[Buffer, int]:
    """Buffer -> the step of the segment that writes it."""
    return {b: k for k in range(first, last) for b in steps[k].stage.outputs}


@lru_cache(maxsize=64)
def all_stripes(height: int) -> tuple[Rows, Rows]:
    """The rows (from, to) of the stripes of every number of threads, one number after the other, none empty."""
    cuts = [np.unique(height * np.arange(n + 1) // n) for n in range(1, MAX_THREADS + 1)]
    return np.concatenate([c[:-1] for c in cuts]), np.concatenate([c[1:] for c in cuts])


def stripe_rows(steps: Sequence[Step], first: int, last: int, by: dict[Buffer, int]) -> dict[int, tuple[Rows, Rows]]:
    """Step -> its rows (from, to) that each stripe of the segment's last step needs; a step that nothing in the
    segment reads is left out."""
    rows = {last - 1: all_stripes(steps[last - 1].stage.height)}
    for k in range(last - 1, first - 1, -1):
        for operand in steps[k].operands if k in rows else ():
            if (p := by.get(operand.buffer)) is not None:
                low, high = operand.needed_rows(*rows[k])
                old = rows.get(p, (low, high))
                rows[p] = (np.minimum(low, old[0]), np.maximum(high, old[1]))
    return rows


def read_outside(steps: Sequence[Step], first: int, last: int, by: dict[Buffer, int]) -> set[int]:
    """The segment's steps that write a map which is an output, or is read by a step outside."""
    outer = {
        by[op.buffer]
        for k, step in enumerate(steps)
        if not first <= k < last
        for op in step.operands
        if op.buffer in by
    }
    return outer | {k for k in range(first, last) if any(b.external is not None for b in steps[k].stage.outputs)}


def can_stream(steps: Sequence[Step], first: int, last: int) -> bool:
    """Whether steps first .. last-1 may be one segment."""
    if any(step.stage.parts for step in steps[first:last]):
        return last - first == 1
    by = producers(steps, first, last)
    whole, rows = read_outside(steps, first, last, by), stripe_rows(steps, first, last, by)
    if len(rows) < last - first:
        return False  # a step that nothing in the segment reads has no place in its walk
    neighbours = rows[last - 1][0][1:] > 0  # the next stripe is of the same number of threads
    for k, (starts, ends) in rows.items():
        halo = (ends[:-1] - starts[1:])[neighbours]
        if (halo > MAX_HALO * steps[k].stage.height).any() or (k in whole and halo.any()):
            return False
    return True


def ring_slots(steps: Sequence[Step], first: int, last: int) -> dict[Buffer, int]:
    """The rows that each map of a segment must keep, found by walking it as the runtime does."""
    by = producers(steps, first, last)
    whole = read_outside(steps, first, last, by)
    slots = {b: (b.height if k in whole or k == last - 1 else 1) for b, k in by.items()}
    done = dict.fromkeys(range(first, last), 0)
    needs = {k: inner_rows(steps[k], by) for k in range(first, last)}

    def run(k: int) -> None:
        band = steps[k].schedule.band
        n = done[k] // band  # a stripe's bands are cut where the map's are, so that it needs no more than they do
        for buffer, _, ends in needs[k]:
            while done[by[buffer]] < ends[n]:
                run(by[buffer])
        for buffer, starts, _ in needs[k]:  # only now: what one operand needed may have pushed another's map on
            slots[buffer] = min(max(slots[buffer], done[by[buffer]] - starts[n]), buffer.height)
        done[k] = min((n + 1) * band, steps[k].stage.height)

    while done[last - 1] < steps[last - 1].stage.height:
        run(last - 1)
    for k in sorted(whole):  # rows at the bottom that nothing in the segment needs
        while done[k] < steps[k].stage.height:
            run(k)
    return slots


def inner_rows(step: Step, by: dict[Buffer, int]) -> list[tuple[Buffer, list[int], list[int]]]:
    """Each map of the segment that a step reads, with the rows (from, to) that each band of the step's rows needs."""
    first = np.arange(0, step.stage.height, step.schedule.band)
    last = np.minimum(first + step.schedule.band, step.stage.height)
    needed = [(op.buffer, *op.needed_rows(first, last)) for op in step.operands if op.buffer in by]
    return [(buffer, starts.tolist(), ends.tolist()) for buffer, starts, ends in needed]
