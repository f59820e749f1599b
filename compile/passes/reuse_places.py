# SPDX-License-Identifier: Apache-2.0
"""Which map takes the place of another, row for row: x + f(x), written where x was read.

Of a block of many channels the map of numbers is most of what travels through the first-level cache; written in place
it travels once. That is right where nobody else reads the old map, and the kernel reads each element before it writes
the new one there, which kernels whose lanes are channels do. Both maps, and more that follow, are then one ring, whose
rows stay until the last of them is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..ir.buffers import Buffer, Operand
from ..ir.stages import Stage
from ..ir.steps import Step
from ..kernels import Load
from ..kernels.row_kernel import has_channel_lanes


def successors(steps: Sequence[Step]) -> dict[Buffer, Buffer]:
    """Map -> the map that takes its place. None takes the place of two, and of none do two."""
    reads: dict[Buffer, list[Operand]] = defaultdict(list)
    for step in steps:
        for op in step.operands:
            reads[op.buffer].append(op)
    written = {b for step in steps for b in step.stage.outputs}
    found: dict[Buffer, Buffer] = {}
    for step in steps:
        for n, new in enumerate(step.stage.outputs):
            old = predecessor(step.stage, n)
            if old and old in written and old not in found and reads[old] == [Operand(old)]:
                found[old] = new
    return found


def predecessor(stage: Stage, n: int) -> Buffer | None:
    """The map that output `n` of a stage may take the place of; it has one at most."""
    new = stage.outputs[n]
    if not has_channel_lanes(stage) or new.encoding.is_exact or new.external is not None or len(stage.results[n]) > 1:
        return None
    loads = [e for e in stage.expressions() if isinstance(e, Load)]
    for e in loads:
        old = e.buffer
        same = (old.channels, old.height, old.width, old.layout) == (new.channels, new.height, new.width, new.layout)
        alike = old.encoding.element == new.encoding.element and not old.encoding.is_exact
        if same and alike and e.channels == old.channels and sum(x.buffer is old for x in loads) == 1:
            return old
    return None


def chain(buffer: Buffer, found: dict[Buffer, Buffer]) -> list[Buffer]:
    """A map and those that take its place, one after the other."""
    maps = [buffer]
    while maps[-1] in found:
        maps.append(found[maps[-1]])
    return maps
