# SPDX-License-Identifier: Apache-2.0
"""The place of each map in the arena: planned when compiling, so that nothing is allocated on the device.

A map that is kept whole lives from the segment that writes it to the last that reads it; a ring lives during its
segment, and each thread has its own. Maps are placed from the largest to the smallest, each at the lowest offset
where it overlaps none that lives at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..ir.buffers import Buffer
from ..ir.memory import ALIGNMENT, SLACK, Arena, Placement, Segment
from ..ir.steps import Kernels
from ..storage.layout import round_up


def plan_arena(kernels: Kernels, segments: list[Segment], apart: int = ALIGNMENT) -> Arena:
    """Place the constants and maps of all steps; external buffers have no place. Each step's constants begin at a
    multiple of `apart` bytes, itself one of ALIGNMENT."""
    operands = [op for step in kernels.steps for op in step.operands]
    zero_bytes = max((op.buffer.row_bytes for op in operands if op.edge == "zero"), default=0)
    constants = [round_up(zero_bytes + SLACK, apart)]
    for step in kernels.steps:
        constants.append(round_up(constants[-1] + step.sections["end"], apart))
    wanted = lifetimes(kernels, segments)
    shared = place((p for p in wanted if not p.private), constants[-1])
    private = place((p for p in wanted if p.private), 0)
    shared_bytes = round_up(end_of(shared, constants[-1]) + SLACK, ALIGNMENT)
    private_bytes = round_up(end_of(private, 0) + SLACK, ALIGNMENT) if private else 0
    placements = {p.buffer: p for p in shared + private}
    return Arena(segments, placements, constants[0], constants[:-1], shared_bytes, private_bytes)


def end_of(placed: list[Placement], start: int) -> int:
    """Bytes up to the end of the last placement."""
    return max((p.offset + p.bytes for p in placed), default=start)


def lifetimes(kernels: Kernels, segments: list[Segment]) -> list[Placement]:
    """Every inner buffer with its rows and the segments that it lives in, not placed yet."""
    of_step = {k: n for n, segment in enumerate(segments) for k in range(segment.first, segment.last)}
    last: dict[Buffer, int] = {}
    for k, step in enumerate(kernels.steps):
        last |= dict.fromkeys((op.buffer for op in step.operands), of_step[k])
    found = []
    for n, segment in enumerate(segments):
        for buffer, slots in segment.slots.items():
            if buffer.external is None:
                end = last.get(buffer, n)
                private = end == n and segment.last - segment.first > 1
                found.append(Placement(buffer, 0, slots if private else buffer.height, private, n, end))
    return found


def place(wanted: Iterable[Placement], start: int) -> list[Placement]:
    """Offsets from `start` on."""
    placed: list[Placement] = []
    for p in sorted(wanted, key=lambda p: (-p.bytes, p.first)):
        offset = start
        for other in sorted((q for q in placed if q.first <= p.last and p.first <= q.last), key=lambda q: q.offset):
            if offset + p.bytes <= other.offset:
                break
            offset = max(offset, round_up(other.offset + other.bytes, ALIGNMENT))
        placed.append(Placement(p.buffer, offset, p.slots, p.private, p.first, p.last))
    return placed
