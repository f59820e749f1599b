# SPDX-License-Identifier: Apache-2.0
"""Stages that are computed by vectors of channels, and why others are not.

Some gain much by it, whatever is beside them: binary convolutions of many channels, and full-precision ones of so many
weights that, spread over vectors of pixels, they fill the caches. Others gain by it what a map's other layout would
cost them: those that share a map with one of these, as far as all that they touch can lie so.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass

from ...targets.cores import Core
from ..ir.buffers import Buffer
from ..ir.expressions import Expr, Leaf
from ..ir.stages import Program, Stage
from ..kernels import (
    BinaryDot,
    ChannelConvolution,
    ChannelDepthwise,
    ChannelDot,
    ChannelLoad,
    ChannelMaxPool,
    ChannelPoolSum,
    Convolution,
    Load,
    MaxPool,
    PoolSum,
)
from ..storage import Bits
from ..storage.encoding import BLOCK
from ..storage.layout import round_up

LEAST = 32
"""Channels of a group: a row of a window of 3x3 is 12 bytes, which are 6 vectors of weights for 8 outputs."""
EVEN = 2 * BLOCK
"""Channels that a group has a multiple of: pieces of a window are of 2 bytes and more."""
FULL = 0.9
"""A share of a row's vectors of pixels."""
MANY = 1 << 14
"""Weights of a full-precision convolution: spread over 4 lanes, a quarter of a second-level cache of 1 MB."""


@dataclass(frozen=True)
class Form:
    """The kind that a leaf becomes where vectors are of channels, and whether it reads interleaved maps alone."""

    kind: type[Leaf]
    only_interleaved: bool


def form_of(e: Expr) -> Form | None:
    """The form of a leaf that has one."""
    if isinstance(e, Convolution):
        depthwise = is_depthwise(e)
        return Form(ChannelDepthwise if depthwise else ChannelConvolution, depthwise)
    return next((form for kind, form in FORMS.items() if isinstance(e, kind)), None)


FORMS = {
    BinaryDot: Form(ChannelDot, True),
    MaxPool: Form(ChannelMaxPool, True),
    PoolSum: Form(ChannelPoolSum, True),
    Load: Form(ChannelLoad, False),
}


def is_depthwise(e: Convolution) -> bool:
    """Whether each of its channels is of one channel of the map, the same one."""
    return e.groups == e.channels == e.buffer.channels


def dots_of(stage: Stage) -> list[BinaryDot]:
    """Its binary convolutions."""
    return [e for e in stage.expressions() if isinstance(e, BinaryDot)]


def gains(e: Expr) -> bool:
    """Whether vectors of channels are a gain for it whatever is beside it."""
    if isinstance(e, Convolution):
        return not is_depthwise(e) and e.weight.size >= MANY
    return isinstance(e, BinaryDot) and e.buffer.channels // e.bits.groups >= LEAST


def find_stages(program: Program, core: Core) -> list[Stage]:
    """Stages that are to be computed by vectors of channels: those that gain by it and those beside them, as far as the
    maps that they share with others lie as they need it."""
    possible = [stage for stage in program.stages if not why_not(stage, core)]
    while True:
        chosen = reached(program, possible)
        kept = [stage for stage in possible if stage not in chosen or is_served(program, stage, chosen)]
        if len(kept) == len(possible):
            return chosen
        possible = kept


def reached(program: Program, possible: list[Stage]) -> list[Stage]:
    """Those of the possible stages that gain, and those that are reached from one by maps of numbers."""
    found = {stage for stage in possible if any(gains(e) for e in stage.expressions())}
    while True:
        maps = {b for stage in found for b in maps_of(stage)}
        more = {stage for stage in possible if not maps.isdisjoint(maps_of(stage))} - found
        if not more:
            return [stage for stage in program.stages if stage in found]
        found |= more


def maps_of(stage: Stage) -> list[Buffer]:
    """The maps of numbers that a stage writes or reads, but for the user's."""
    touched = [*stage.outputs, *stage.reads()]
    return [b for b in touched if not isinstance(b.encoding, Bits) and b.external is None]


def is_served(program: Program, stage: Stage, chosen: Container[Stage]) -> bool:
    """Whether what a stage touches lies as its vectors of channels need it, if these stages are chosen."""
    for dot in dots_of(stage):
        if any(dot.buffer in other.reads() for other in program.stages if other not in chosen):
            return False
    needed = windowed(stage)
    if not dots_of(stage):
        needed += [e.buffer for e in stage.expressions() if isinstance(e, Load)]
        needed += [b for b in stage.outputs if not isinstance(b.encoding, Bits) and b.height * b.width > 1]
    return all(may_be_interleaved(program, b, chosen) for b in needed)


def windowed(stage: Stage) -> list[Buffer]:
    """The maps of numbers that its windows read by vectors of channels alone."""
    forms = ((op.buffer, form_of(e)) for e in stage.expressions() for op in e.operands())
    return [b for b, form in forms if form and form.only_interleaved and not isinstance(b.encoding, Bits)]


def may_be_interleaved(program: Program, buffer: Buffer, chosen: Container[Stage]) -> bool:
    """Whether a map of numbers may be: all that read it load it, pixel by pixel, or are windows by vectors of
    channels."""
    if (
        buffer.external is not None
        or isinstance(buffer.encoding, Bits)
        or not buffer.encoding.takes_channels
        or buffer.channels % BLOCK
    ):
        return False
    readers = (
        (s, e) for s in program.stages for e in s.expressions() if any(op.buffer is buffer for op in e.operands())
    )
    return all(isinstance(e, Load) or (stage in chosen and not why_no_blocks(e)) for stage, e in readers)


def why_no_blocks(e: Expr) -> str:
    """Why a leaf cannot take whole blocks of an interleaved map; empty where it can."""
    match e:
        case Convolution() if not is_depthwise(e) and e.weight.shape[1] % BLOCK:
            return f"{e.weight.shape[1]} inputs are no whole blocks"
        case MaxPool() | PoolSum() if e.offset % BLOCK:
            return f"channels from {e.offset} on are no whole blocks"
    return ""


def why_not(stage: Stage, core: Core) -> str:
    """Why a stage cannot be computed by vectors of channels, or need not; empty where it can."""
    expressions = list(stage.expressions())
    if not any(form_of(e) for e in expressions):
        return "it reads no map"
    if wrong := next((why for e in expressions if (why := why_not_leaf(e, stage))), ""):
        return wrong
    if dots := dots_of(stage):
        fewest = min(dot.buffer.channels // dot.bits.groups for dot in dots)
        if fewest < (core.window_bytes or 0) * BLOCK and stage.width >= FULL * round_up(stage.width, core.lanes):
            return f"rows of {stage.width} pixels fill vectors of them"
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


def why_not_leaf(e: Expr, stage: Stage) -> str:
    """Why an expression has no form with vectors of channels; empty where it has, or is no leaf."""
    for kind, why in WHY_NOT.items():
        if isinstance(e, kind):
            return why(e, stage)
    return "" if e.takes_channels else f"{type(e).__name__} has no vectors of channels"


def why_not_dot(dot: BinaryDot, stage: Stage) -> str:
    """Of a binary convolution."""
    taken = dot.buffer.channels // dot.bits.groups
    if type(dot.bits) is not Bits or dot.buffer.external is not None:
        return f"{dot.buffer.name} is no map of a float's signs"
    if dot.bits.copies > 1:
        return f"{dot.buffer.name} is of twins, whose bits count twice"
    if taken < LEAST or taken % EVEN:
        return f"{taken} channels are no multiple of {EVEN} from {LEAST} on"
    if dot.channels // dot.bits.groups % BLOCK or dot.channels % dot.bits.groups or dot.unit != 2:
        return f"{dot.channels} outputs are no whole blocks"
    return ""


def why_not_convolution(e: Convolution, stage: Stage) -> str:
    """Of a full-precision convolution."""
    if is_depthwise(e):
        return f"{e.channels} channels are no whole blocks" if e.channels % BLOCK else ""
    whole = e.channels % e.groups == 0 and e.channels // e.groups % BLOCK == 0
    return "" if whole else f"{e.channels} outputs are no whole blocks"


def why_not_pool(e: MaxPool | PoolSum, stage: Stage) -> str:
    """Of pooling."""
    return f"{e.channels} channels are no whole blocks" if e.channels % BLOCK else why_no_blocks(e)


def why_not_load(e: Load, stage: Stage) -> str:
    """Of a map as it is."""
    same = (e.buffer.height, e.buffer.width) == (stage.height, stage.width)
    return "" if same and e.offset % BLOCK == 0 else f"{e.buffer.name} is of another size"


WHY_NOT: dict[type[Expr], Callable[..., str]] = {
    BinaryDot: why_not_dot,
    Convolution: why_not_convolution,
    MaxPool: why_not_pool,
    PoolSum: why_not_pool,
    Load: why_not_load,
}
