"""Where each map lies in the arena: planned when compiling, so that nothing is allocated on the device.

A buffer lives from the stage that writes it to the last that reads it. Buffers are placed from the largest to
the smallest, each at the lowest offset where it overlaps none that lives at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..kernels.row_kernel import stage_operands
from ..program import Buffer, Program, round_up

ALIGNMENT = 64
SLACK = 1024
"""Bytes behind the last map: the last vector of a row may read (never write) past the row's end."""


@dataclass(frozen=True)
class Placement:
    """A buffer's bytes in the arena, and the stages during which they are its own."""

    buffer: Buffer
    offset: int
    first: int
    last: int


@dataclass(frozen=True)
class Arena:
    """The memory plan: the zero row (what windows read above and below a map) lies first."""

    placements: dict[Buffer, Placement]
    zero_bytes: int
    bytes: int


def plan_arena(program: Program) -> Arena:
    """Place all buffers of a program; external ones have no place."""
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    zero_bytes = 0
    for k, stage in enumerate(program.stages):
        for b in stage.outputs:
            first[b] = last[b] = k
        for operand in stage_operands(stage):
            last[operand.buffer] = k
            if operand.edge == "zero":
                zero_bytes = max(zero_bytes, operand.buffer.row_bytes)
    zero_bytes = round_up(zero_bytes + SLACK, ALIGNMENT)
    placed: list[Placement] = []
    inner = [b for b in program.buffers() if b.external is None]
    for b in sorted(inner, key=lambda b: (-b.bytes, first[b])):
        rivals = sorted((p for p in placed if p.first <= last[b] and first[b] <= p.last), key=lambda p: p.offset)
        offset = zero_bytes
        for p in rivals:
            if offset + b.bytes <= p.offset:
                break
            offset = max(offset, round_up(p.offset + p.buffer.bytes, ALIGNMENT))
        placed.append(Placement(b, offset, first[b], last[b]))
    end = max((p.offset + p.buffer.bytes for p in placed), default=zero_bytes)
    return Arena({p.buffer: p for p in placed}, zero_bytes, round_up(end + SLACK, ALIGNMENT))
