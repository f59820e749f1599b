"""Which stages run together, row by row, so that the maps between them need not be stored whole.

A *segment* is a run of stages. A thread computes a stripe of the last stage's rows, and of the others just the
rows that these need, each as late as possible: a map that only the segment reads then is a ring of its last rows.
At the edge of a stripe both neighbours compute the rows that both need (the halo).

A stage joins the segment before it unless
- a map that is read outside of the segment would be computed in a halo (two threads would write the same row), or
  would have rows between two stripes that nobody computes, or
- the halo would be more than MAX_HALO of a map's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..program import Buffer, Operand
from .build_kernels import Kernels, Step

MAX_HALO = 1 / 8
BOUNDARIES = 64
"""Stripe boundaries that are tried for each segment."""


@dataclass(frozen=True)
class Segment:
    """Steps first .. last-1, and the rows that each of their maps keeps: all, or a ring of fewer."""

    first: int
    last: int
    slots: dict[Buffer, int]


def form_segments(kernels: Kernels) -> list[Segment]:
    """Greedily, from the first stage to the last."""
    steps = kernels.steps
    segments, first = [], 0
    for k in range(1, len(steps) + 1):
        if k == len(steps) or not can_stream(steps, first, k + 1):
            segments.append(Segment(first, k, ring_slots(steps, first, k)))
            first = k
    return segments


def layer_by_layer(kernels: Kernels) -> list[Segment]:
    """Each stage on its own, every map whole: for looking at single stages."""
    return [Segment(k, k + 1, {b: b.height for b in step.stage.outputs}) for k, step in enumerate(kernels.steps)]


def needed_rows(operand: Operand, first: int, last: int) -> tuple[int, int]:
    """The rows (from, to) of an operand's map that output rows first .. last-1 read."""
    # an odd row may look further up or down than its even neighbour, so the two at each end decide
    ends = {y for y in (first, first + 1, last - 2, last - 1) if first <= y < last}
    starts = [(y * operand.mul + operand.add) // operand.div + (operand.odd if y % 2 else 0) for y in ends]
    height = operand.buffer.height
    low, high = min(starts), max(starts) + (operand.count - 1) * operand.step
    return min(max(low, 0), height - 1), min(max(high, 0), height - 1) + 1


def producers(steps: Sequence[Step], first: int, last: int) -> dict[Buffer, int]:
    """Buffer -> the step of the segment that writes it."""
    return {b: k for k in range(first, last) for b in steps[k].stage.outputs}


def stripe_rows(steps: Sequence[Step], first: int, last: int, top: int, bottom: int) -> dict[int, tuple[int, int]]:
    """Step -> its rows (from, to) that rows top .. bottom-1 of the segment's last step need."""
    by = producers(steps, first, last)
    rows = {last - 1: (top, bottom)}
    for k in range(last - 1, first - 1, -1):
        if k not in rows:
            rows[k] = (0, steps[k].stage.height)  # nothing in the segment reads it
        for operand in steps[k].operands:
            if (p := by.get(operand.buffer)) is not None:
                low, high = needed_rows(operand, *rows[k])
                old = rows.get(p, (low, high))
                rows[p] = (min(low, old[0]), max(high, old[1]))
    return rows


def read_outside(steps: Sequence[Step], first: int, last: int) -> set[int]:
    """The segment's steps that write a map which is an output, or is read by a step outside."""
    by = producers(steps, first, last)
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
    height = steps[last - 1].stage.height
    whole = read_outside(steps, first, last)
    read_inside = {
        p
        for k in range(first, last)
        for op in steps[k].operands
        if (p := producers(steps, first, last).get(op.buffer)) is not None
    }
    if read_inside | {last - 1} != set(range(first, last)):
        return False  # a step that nothing in the segment reads has no place in its walk
    sample = range(1, height, max(height // BOUNDARIES, 1))
    for boundary in sorted({b for b in (*sample, *(b + 1 for b in sample)) if b < height}):  # odd and even ones
        above, below = (stripe_rows(steps, first, last, *s) for s in ((0, boundary), (boundary, height)))
        for k in range(first, last):
            halo = above[k][1] - below[k][0]
            if halo > MAX_HALO * steps[k].stage.height or (k in whole and halo):
                return False
    return True


def ring_slots(steps: Sequence[Step], first: int, last: int) -> dict[Buffer, int]:
    """The rows that each map of a segment must keep, found by walking it as the runtime does."""
    by, whole = producers(steps, first, last), read_outside(steps, first, last)
    slots = {b: (b.height if k in whole or k == last - 1 else 1) for b, k in by.items()}
    done = dict.fromkeys(range(first, last), 0)

    def run(k: int) -> None:
        inner = [(op, by[op.buffer]) for op in steps[k].operands if op.buffer in by]
        for operand, p in inner:
            while done[p] < needed_rows(operand, done[k], done[k] + 1)[1]:
                run(p)
        for operand, p in inner:  # only now: what one operand needed may have pushed another's map on
            kept = done[p] - needed_rows(operand, done[k], done[k] + 1)[0]
            slots[operand.buffer] = min(max(slots[operand.buffer], kept), operand.buffer.height)
        done[k] += 1

    for _ in range(steps[last - 1].stage.height):
        run(last - 1)
    for k in sorted(whole):  # rows at the bottom that nothing in the segment needs
        while done[k] < steps[k].stage.height:
            run(k)
    return slots
