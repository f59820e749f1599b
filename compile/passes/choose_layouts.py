# SPDX-License-Identifier: Apache-2.0
"""Chooses each map's layout: planes, whose vectors are of pixels, or interleaved, whose vectors are of channels.

Of a row of 7 or 14 pixels, vectors of 16 pixels are half empty, and weights that are spread over a vector fill the
caches sixteenfold; vectors of channels are full from 64 channels on, and take weights as they are. So a binary
convolution of as many becomes a ChannelDot, where all of its stage can be computed by vectors of channels, and the bits
that it reads are interleaved. A map of numbers is interleaved where most stages that write or read it are such stages;
any other kernel takes it by elements.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields

from ...targets.cores import Core
from ..ir.buffers import Buffer
from ..ir.expressions import Expr
from ..ir.stages import Program, Stage
from ..kernels import BinaryDot, ChannelDot, Load
from ..kernels.row_kernel import has_channel_lanes
from ..storage import Bits, Interleaved, Planes
from ..storage.encoding import BLOCK
from ..storage.layout import round_up
from .missed import Missed
from .rewriting import rewrite_program

LEAST = 64
"""Channels of a group: half a vector."""
EVEN = 2 * BLOCK
"""Channels that a group has a multiple of: pieces of a window are of 2 bytes and more."""

ALWAYS = 128
"""Channels of a group: a whole vector. Fewer, down to LEAST, are about as fast by vectors of pixels that are full."""
FULL = 0.9
"""A share of a row's vectors of pixels."""
ROOM = 1.25
"""Columns that a map may have more than it needs, for another to take its place."""
OTHERS = "kernels whose lanes are pixels read the same bits"


def choose_layouts(program: Program, core: Core) -> Program:
    """Interleave maps and make binary convolutions ChannelDots, where the core has the instructions for it."""
    if core.add_pairs is None:
        return program
    chosen = find_stages(program, core)
    dots = {e for stage in chosen for e in dots_of(stage)}
    why = {e: why_not(s, core) or OTHERS for s in program.stages if s not in chosen for e in dots_of(s) if is_wide(e)}
    for buffer in {e.buffer for e in dots}:
        buffer.layout = interleaved_bits(program, buffer, chosen, core)
    rewrite_program(program, "choose_layouts", lambda e: channel_dot(e, dots, why))
    maps = [b for b, count in votes(program).items() if count >= 0 and may_be_interleaved(program, b)]
    padded = find_padded(program, maps, core)
    for buffer in maps:
        buffer.layout = Interleaved(BLOCK, lanes=core.lanes if buffer in padded else 1)
    return program


def find_padded(program: Program, maps: list[Buffer], core: Core) -> set[Buffer]:
    """Those of some maps whose columns are whole vectors: that kernels whose lanes are pixels touch, and, where it
    takes little room, those that such a map is added to: of one layout, one can take the other's place."""
    padded = {b for b in maps for stage in program.stages if touches(stage, b) and not has_channel_lanes(stage)}
    little = {b for b in maps if round_up(b.width, core.lanes) <= ROOM * b.width}
    while True:
        beside = (little.intersection([*s.outputs, *s.reads()]) for s in program.stages if has_channel_lanes(s))
        more = {b for some in beside if some & padded for b in some} - padded
        if not more:
            return padded
        padded |= more


def find_stages(program: Program, core: Core) -> list[Stage]:
    """Stages that are to be computed by vectors of channels: those that can, as long as all readers of the bits that
    they read can too."""
    chosen = [stage for stage in program.stages if not why_not(stage, core)]
    while True:
        others = {b for stage in program.stages if stage not in chosen for b in stage.reads()}
        kept = [stage for stage in chosen if not any(e.buffer in others for e in dots_of(stage))]
        if len(kept) == len(chosen):
            return kept
        chosen = kept


def dots_of(stage: Stage) -> list[BinaryDot]:
    """Its binary convolutions."""
    return [e for e in stage.expressions() if isinstance(e, BinaryDot)]


def is_wide(dot: BinaryDot) -> bool:
    """Whether it has channels enough."""
    return dot.buffer.channels // dot.bits.groups >= LEAST


def why_not(stage: Stage, core: Core) -> str:
    """Why a stage cannot be computed by vectors of channels, or need not; empty where it can."""
    dots = dots_of(stage)
    if not dots:
        return "it has no binary convolution"
    for dot in dots:
        taken = dot.buffer.channels // dot.bits.groups
        if type(dot.bits) is not Bits or dot.buffer.external is not None:
            return f"{dot.buffer.name} is no map of a float's signs"
        if dot.bits.copies > 1:
            return f"{dot.buffer.name} is of twins, whose bits count twice"
        if taken < LEAST or taken % EVEN:
            return f"{taken} channels are no multiple of {EVEN} from {LEAST} on"
        if dot.channels // dot.bits.groups % BLOCK or dot.channels % dot.bits.groups or dot.unit != 2:
            return f"{dot.channels} outputs are no whole blocks"
    fewest = min(dot.buffer.channels // dot.bits.groups for dot in dots)
    if fewest < ALWAYS and stage.width >= FULL * round_up(stage.width, core.lanes):
        return f"rows of {stage.width} pixels fill vectors of them"
    for e in stage.expressions():
        if not (e.takes_channels or isinstance(e, BinaryDot)):
            return f"{type(e).__name__} has no vectors of channels"
        if isinstance(e, Load) and (
            e.offset % BLOCK or (e.buffer.height, e.buffer.width) != (stage.height, stage.width)
        ):
            return f"{e.buffer.name} is of another size"
    if any(branch.channels % BLOCK for branches in stage.results for branch in branches):
        return "its branches are no whole blocks"
    for b in stage.outputs:
        if (
            not b.encoding.takes_channels
            or b.encoding.copies > 1
            or any(c % BLOCK for c in b.encoding.cuts(b.channels))
        ):
            return f"{b.name} is not stored by blocks of {BLOCK} channels"
    return ""


def channel_dot(e: Expr, dots: set[BinaryDot], why: dict[BinaryDot, str]) -> Expr | Missed:
    """A binary convolution as it is to be, or why one of many channels stays as it is."""
    if not isinstance(e, BinaryDot) or e not in dots:
        return Missed(why[e]) if isinstance(e, BinaryDot) and e in why else e
    return ChannelDot(**{f.name: getattr(e, f.name) for f in fields(e)})


def interleaved_bits(program: Program, buffer: Buffer, chosen: list[Stage], core: Core) -> Interleaved:
    """The layout of bits: with as many columns left and right as any window looks at."""
    left = right = 0
    for stage in program.stages:
        for e in (e for e in stage.expressions() if isinstance(e, BinaryDot) and e.buffer is buffer):
            w = e.window
            reach = (stage.width - 1) * w.strides[1] + (w.kernel[1] - 1) * w.dilations[1] - w.pads[1]
            left, right = max(left, w.pads[1]), max(right, reach - (buffer.width - 1))
    by_channels = any(buffer in stage.outputs for stage in chosen)
    return Interleaved(left=left, right=right, lanes=1 if by_channels else core.lanes)


def touches(stage: Stage, buffer: Buffer) -> bool:
    """Whether a stage writes or reads a map."""
    return buffer in stage.outputs or buffer in stage.reads()


def votes(program: Program) -> dict[Buffer, int]:
    """For each map of numbers that a stage with vectors of channels touches: such stages less all others."""
    count: dict[Buffer, int] = defaultdict(int)
    for stage in program.stages:
        for b in dict.fromkeys([*stage.outputs, *stage.reads()]):
            count[b] += 1 if has_channel_lanes(stage) else -1
    return {
        b: n for b, n in count.items() if any(touches(stage, b) for stage in program.stages if has_channel_lanes(stage))
    }


def may_be_interleaved(program: Program, buffer: Buffer) -> bool:
    """Whether a map of numbers may be: all that read it load it, pixel by pixel."""
    leaves = [
        e for stage in program.stages for e in stage.expressions() if any(op.buffer is buffer for op in e.operands())
    ]
    return (
        buffer.external is None
        and not isinstance(buffer.encoding, Bits)
        and buffer.encoding.takes_channels
        and buffer.channels % BLOCK == 0
        and isinstance(buffer.layout, Planes)
        and buffer.layout.margin == "none"
        and all(isinstance(e, Load) for e in leaves)
    )
