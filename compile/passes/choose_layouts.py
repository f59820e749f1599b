# SPDX-License-Identifier: Apache-2.0
"""Chooses each map's layout: planes, whose vectors are of pixels, or interleaved, whose vectors are of channels.

Of a row of 7 or 14 pixels, vectors of 16 pixels are half empty, and weights that are spread over a vector fill the
caches; vectors of channels are full, and take weights as they are. So stages of many channels are computed by these
(`channel_stages`): their windows become kinds whose lanes are channels, and the bits that they read are interleaved. A
map of numbers is interleaved where a window needs it, or most stages that write or read it are such stages; any other
kernel takes it by elements.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields

from ...targets.cores import Core
from ..ir.buffers import Buffer
from ..ir.expressions import Expr
from ..ir.stages import Program, Stage
from ..kernels import MaxPool
from ..storage import Interleaved, Planes
from ..storage.encoding import BLOCK
from ..storage.layout import round_up
from .channel_stages import dots_of, find_stages, form_of, gains, maps_of, may_be_interleaved, why_not, windowed
from .rewriting import rewrite

ROOM = 1.25
"""Columns that a map may have more than it needs, for another to take its place."""
OTHERS = "kernels whose lanes are pixels share its maps"


def choose_layouts(program: Program, core: Core) -> Program:
    """Interleave maps and compute stages by vectors of channels, where the core has a way to count so."""
    if core.window_bytes is None:
        return program
    chosen = find_stages(program, core)
    bits = {e.buffer for stage in chosen for e in dots_of(stage)}
    needed = {b for stage in chosen for b in windowed(stage)}
    votes = count_votes(program, chosen)
    maps = [
        b
        for b in (b for b in program.buffers() if b in votes)
        if (b in needed or votes[b] >= 0) and may_be_interleaved(program, b, chosen) and isinstance(b.layout, Planes)
    ]
    padded = find_padded(program, maps, chosen, core)
    for buffer in bits:
        whole = any(buffer in stage.outputs for stage in chosen)
        buffer.layout = interleaved(program, buffer, None, 1 if whole else core.lanes)
    for buffer in maps:
        buffer.layout = interleaved(program, buffer, BLOCK, core.lanes if buffer in padded else 1)
    missed = program.missed.setdefault("choose_layouts", {})
    for stage in program.stages:
        if stage in chosen:
            done: dict[int, Expr] = {}  # each stage's own: a leaf that another stage has too may stay there as it is
            stage.results = [tuple(rewrite(e, by_channels, done) for e in branches) for branches in stage.results]
        elif any(gains(e) for e in stage.expressions()):
            missed[stage.name] = why_not(stage, core) or OTHERS
    return program


def by_channels(e: Expr) -> Expr:
    """A leaf as it is to be where vectors are of channels."""
    form = form_of(e)
    return form.kind(**{f.name: getattr(e, f.name) for f in fields(e)}) if form else e


def find_padded(program: Program, maps: list[Buffer], chosen: list[Stage], core: Core) -> set[Buffer]:
    """Those of some maps whose columns are whole vectors: that kernels whose lanes are pixels touch, and, where it
    takes little room, those that such a map is added to: of one layout, one can take the other's place."""
    padded = {b for b in maps for stage in program.stages if touches(stage, b) and stage not in chosen}
    little = {b for b in maps if round_up(b.width, core.lanes) <= ROOM * b.width}
    while True:
        beside = (little.intersection([*s.outputs, *s.reads()]) for s in chosen)
        more = {b for some in beside for b in some if any(alike(b, other) for other in some & padded)} - padded
        if not more:
            return padded
        padded |= more


def alike(a: Buffer, b: Buffer) -> bool:
    """Whether one map can be added to another."""
    return (a.channels, a.height, a.width) == (b.channels, b.height, b.width)


def interleaved(program: Program, buffer: Buffer, block: int | None, lanes: int) -> Interleaved:
    """The layout of a map: with as many columns left and right as any window looks at."""
    left = right = 0
    edge = False
    for stage in program.stages:
        for e in stage.expressions():
            if any(op.buffer is buffer for op in e.operands()) and (w := getattr(e, "window", None)):
                reach = (stage.width - 1) * w.strides[1] + (w.kernel[1] - 1) * w.dilations[1] - w.pads[1]
                left, right = max(left, w.pads[1]), max(right, reach - (buffer.width - 1))
                edge |= isinstance(e, MaxPool) and any(w.pads[1::2])  # else another's zeros may lie there
    return Interleaved(block, left, right, lanes, edge and left + right > 0)


def touches(stage: Stage, buffer: Buffer) -> bool:
    """Whether a stage writes or reads a map."""
    return buffer in stage.outputs or buffer in stage.reads()


def count_votes(program: Program, chosen: list[Stage]) -> dict[Buffer, int]:
    """For each map of numbers that a stage with vectors of channels touches: such stages less all others."""
    count: dict[Buffer, int] = defaultdict(int)
    for stage in program.stages:
        for b in dict.fromkeys(maps_of(stage)):
            count[b] += 1 if stage in chosen else -1
    return {b: n for b, n in count.items() if any(touches(stage, b) for stage in chosen)}
