# SPDX-License-Identifier: Apache-2.0
"""The place of each map in the arena: planned when compiling, so that nothing is allocated on the device.

A map lives from the first task of the step that writes it to the last one of those that read it, in the order in which
one thread runs them. Maps are placed as they begin to live, of those that begin at once the largest first, each at the
lowest offset where it overlaps none that lives at the same time: what a flow's first groups of stages leave in the
cache, its last ones write over. Several threads run tasks in other orders, so that for them all maps live all the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..ir.buffers import Buffer
from ..ir.memory import ALIGNMENT, SLACK, Arena, Order, Placement
from ..ir.steps import Kernels
from ..storage.layout import round_up
from .reuse_places import chain, successors


def plan_arena(kernels: Kernels, slots: dict[Buffer, int], order: Order | None) -> Arena:
    """Place the constants of all steps, and their maps of so many rows, for one thread that runs tasks in that order or
    for several (None); external buffers have no place, and maps that take each other's place have one."""
    zero_bytes, constants, end = place_constants(kernels, ALIGNMENT)
    found, wanted = successors(kernels.steps), unplaced(kernels, slots)
    chains = [chain(b, found) for b in wanted if not b.replaces]
    turns = turns_of(kernels, order) if order else dict.fromkeys(wanted, (0, 0))
    lives = [
        Life(wanted[maps[0]].bytes, min(turns[b][0] for b in maps), max(turns[b][1] for b in maps)) for maps in chains
    ]
    placed = [
        replace(wanted[b], offset=offset, successor=found.get(b))
        for maps, offset in zip(chains, place(lives, end), strict=True)
        for b in maps
    ]
    return arena(placed, zero_bytes, constants, end)


def plan_probing(kernels: Kernels) -> Arena:
    """The same of whole maps, for looking at single steps."""
    return plan_arena(kernels, whole(kernels), Order.one_by_one(kernels.steps))


def plan_apart(kernels: Kernels, apart: int) -> Arena:
    """The same, but that no map takes the place of another, and each step's constants begin at a multiple of `apart`
    bytes, itself one of ALIGNMENT: for steps that stand beside each other, and not one after the other."""
    zero_bytes, constants, end = place_constants(kernels, apart)
    wanted = unplaced(kernels, whole(kernels)).values()
    lives = [Life(p.bytes, p.first, p.last) for p in wanted]
    placed = [replace(p, offset=offset) for p, offset in zip(wanted, place(lives, end), strict=True)]
    return arena(placed, zero_bytes, constants, end)


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


def unplaced(kernels: Kernels, slots: dict[Buffer, int]) -> dict[Buffer, Placement]:
    """Every inner buffer with its rows and the steps that it lives for, in the order in which they are written."""
    last = {op.buffer: k for k, step in enumerate(kernels.steps) for op in step.operands}
    return {
        b: Placement(b, 0, slots[b], k, last.get(b, k))
        for k, step in enumerate(kernels.steps)
        for b in step.stage.outputs
        if b.external is None
    }


def turns_of(kernels: Kernels, order: Order) -> dict[Buffer, tuple[int, int]]:
    """Of each map the first and the last task of the order that writes or reads it."""
    turns: dict[Buffer, tuple[int, int]] = {}
    for turn, k in enumerate(order.steps):
        step = kernels.steps[k]
        for b in (*step.stage.outputs, *(op.buffer for op in step.operands)):
            turns[b] = turns.get(b, (turn,))[0], turn
    return turns


@dataclass(frozen=True)
class Life:
    """A piece of memory: bytes, and the first and last time at which it is needed."""

    bytes: int
    first: int
    last: int


def place(lives: Sequence[Life], start: int) -> list[int]:
    """The offset of each, from `start` on."""
    offsets: dict[int, int] = {}
    for n in sorted(range(len(lives)), key=lambda n: (lives[n].first, -lives[n].bytes)):
        life, offset = lives[n], start
        beside = (k for k in offsets if lives[k].first <= life.last and life.first <= lives[k].last)
        for k in sorted(beside, key=lambda k: offsets[k]):
            if offset + life.bytes <= offsets[k]:
                break
            offset = max(offset, round_up(offsets[k] + lives[k].bytes, ALIGNMENT))
        offsets[n] = offset
    return [offsets[n] for n in range(len(lives))]
