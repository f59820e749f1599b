# SPDX-License-Identifier: Apache-2.0
"""The place of each map in the arena: planned when compiling, so that nothing is allocated on the device.

Rings of a flow live all the time, one behind the other, the largest first. Whole maps, of steps that run one by one,
live from the step that writes them to the last that reads them: they are placed from the largest to the smallest, each
at the lowest offset where it overlaps none that lives at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..ir.buffers import Buffer
from ..ir.memory import ALIGNMENT, SLACK, Arena, Placement
from ..ir.steps import Kernels
from ..storage.layout import round_up
from .reuse_places import chain, successors


def plan_arena(kernels: Kernels, slots: dict[Buffer, int]) -> Arena:
    """Place the constants of all steps, and their maps of so many rows; external buffers have no place."""
    zero_bytes, constants, end = place_constants(kernels, ALIGNMENT)
    placed = []
    found, all_wanted = successors(kernels.steps), {p.buffer: p for p in lifetimes(kernels, slots)}
    for wanted in sorted(all_wanted.values(), key=lambda p: -p.bytes):
        if wanted.buffer in found.values():
            continue  # it is where the first of them is
        for p in (all_wanted[b] for b in chain(wanted.buffer, found)):
            placed.append(Placement(p.buffer, end, p.slots, p.first, p.last, found.get(p.buffer)))
        end = round_up(end + wanted.bytes, ALIGNMENT)
    return arena(placed, zero_bytes, constants, end)


def plan_probing(kernels: Kernels) -> Arena:
    """The same of whole maps, for looking at single steps."""
    zero_bytes, constants, end = place_constants(kernels, ALIGNMENT)
    found, wanted = successors(kernels.steps), {p.buffer: p for p in lifetimes(kernels, whole(kernels))}
    chains = [chain(b, found) for b in wanted if b not in set(found.values())]
    firsts = [replace(wanted[maps[0]], last=max(wanted[b].last for b in maps)) for maps in chains]
    placed = [
        replace(wanted[b], offset=p.offset, successor=found.get(b))
        for p in place(firsts, end)
        for b in chain(p.buffer, found)
    ]
    return arena(placed, zero_bytes, constants, end)


def plan_apart(kernels: Kernels, apart: int) -> Arena:
    """The same, but that no map takes the place of another, and each step's constants begin at a multiple of `apart`
    bytes, itself one of ALIGNMENT: for steps that stand beside each other, and not one after the other."""
    zero_bytes, constants, end = place_constants(kernels, apart)
    return arena(place(lifetimes(kernels, whole(kernels)), end), zero_bytes, constants, end)


def whole(kernels: Kernels) -> dict[Buffer, int]:
    """All rows of all maps."""
    return {b: b.height for step in kernels.steps for b in step.stage.outputs}


def arena(placed: list[Placement], zero_bytes: int, constants: list[int], start: int) -> Arena:
    """With maps that lie from `start` on."""
    end = max((p.offset + p.bytes for p in placed), default=start)
    return Arena({p.buffer: p for p in placed}, zero_bytes, constants, round_up(end + SLACK, ALIGNMENT))


def place_constants(kernels: Kernels, apart: int) -> tuple[int, list[int], int]:
    """Bytes of the zero row, the offset of each step's constants, where they end."""
    operands = [op for step in kernels.steps for op in step.operands]
    zero_bytes = max((op.buffer.row_bytes for op in operands if op.edge == "zero"), default=0)
    constants = [round_up(zero_bytes + SLACK, apart)]
    for step in kernels.steps:
        constants.append(round_up(constants[-1] + step.sections["end"], apart))
    return constants[0], constants[:-1], constants[-1]


def lifetimes(kernels: Kernels, slots: dict[Buffer, int]) -> list[Placement]:
    """Every inner buffer with its rows and the steps that it lives for, not placed yet."""
    last = {op.buffer: k for k, step in enumerate(kernels.steps) for op in step.operands}
    return [
        Placement(b, 0, slots[b], k, last.get(b, k))
        for k, step in enumerate(kernels.steps)
        for b in step.stage.outputs
        if b.external is None
    ]


def place(wanted: Iterable[Placement], start: int) -> list[Placement]:
    """Offsets from `start` on."""
    placed: list[Placement] = []
    for p in sorted(wanted, key=lambda p: (-p.bytes, p.first)):
        offset = start
        for other in sorted((q for q in placed if q.first <= p.last and p.first <= q.last), key=lambda q: q.offset):
            if offset + p.bytes <= other.offset:
                break
            offset = max(offset, round_up(other.offset + other.bytes, ALIGNMENT))
        placed.append(Placement(p.buffer, offset, p.slots, p.first, p.last))
    return placed
