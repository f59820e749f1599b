# SPDX-License-Identifier: Apache-2.0
"""Which map takes the place of another, row for row: x + f(x), written where x was read.

Of a residual block the map of numbers is most of what travels through the first-level cache; written in place it
travels once. That is right where nobody else reads the old map, and the kernel reads each element before it writes the
new one there. Kernels know no other place of the old map than the new one's (`Stage.in_place`), so that nothing is
taken for two pieces of memory. Both maps, and more that follow, are then one ring, whose rows stay until the last of
them is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Leaf
from ..ir.stages import Program, Stage
from ..ir.steps import Step
from ..kernels import Load

ELEMENT = "float32"
"""What maps must be of: of a byte's map, a line is of 64 numbers, and little travels."""


def reuse_places(program: Program) -> Program:
    """Maps take the places of those that only their stage reads. None takes the place of two, and of none do two."""
    reads: dict[Buffer, list[Operand]] = defaultdict(list)
    for stage in program.stages:
        for op in stage.operands():
            reads[op.buffer].append(op)
    free = {b for stage in program.stages for b in stage.outputs if reads[b] == [Operand(b)]}
    for stage in program.stages:
        for n, new in enumerate(stage.outputs):
            new.replaces = predecessor(stage, n, free)
            free -= {new.replaces}
    return program


def predecessor(stage: Stage, n: int, free: set[Buffer]) -> Buffer | None:
    """The map, of those that are free, that output `n` of a stage may take the place of."""
    new = stage.outputs[n]
    if new.encoding.element != ELEMENT or new.external is not None or len(stage.results[n]) > 1:
        return None
    for e in (e for e in stage.expressions() if isinstance(e, Load) and e.buffer in free):
        if is_alike(e.buffer, new) and e.channels == new.channels and is_read_once(stage, e):
            return e.buffer
    return None


def is_alike(old: Buffer, new: Buffer) -> bool:
    """Whether their elements lie alike."""
    size = (old.channels, old.height, old.width)
    alike = size == (new.channels, new.height, new.width) and old.layout == new.layout
    return alike and old.external is None and old.encoding.element == new.encoding.element


def is_read_once(stage: Stage, load: Load) -> bool:
    """Whether a map's element is read for the same element of the stage's outputs alone: by one load, and what becomes
    of it keeps its channels."""
    nodes = list(stage.expressions())
    leaves = [e for e in nodes if isinstance(e, Leaf) and any(op.buffer is load.buffer for op in e.operands())]
    of_load: set[Expr] = {load}
    for e in nodes:  # children come first
        if of_load.intersection(e.children()):
            of_load.add(e)
    return leaves == [load] and all(e.takes_channels for e in of_load)


def successors(steps: Sequence[Step]) -> dict[Buffer, Buffer]:
    """Map -> the map that takes its place."""
    return {b.replaces: b for step in steps for b in step.stage.outputs if b.replaces}


def chain(buffer: Buffer, found: dict[Buffer, Buffer]) -> list[Buffer]:
    """A map and those that take its place, one after the other."""
    maps = [buffer]
    while maps[-1] in found:
        maps.append(found[maps[-1]])
    return maps
