# SPDX-License-Identifier: Apache-2.0
"""A stage becomes a row kernel: one PrimFunc that computes row y of the stage's map in all its stored forms.

    int32 kernel(input rows..., float32 constants, int16 constants, uint8 constants, output rows..., y)

The loop nest: vectors of 16 columns; within, blocks of 8 channels (a byte of packed bits); within, a few
channels at a time. Where the model's own input or output is touched, whose rows have no slack
behind them, the last columns are computed one by one.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.script.ir_builder import IRBuilder
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.buffers import LANES, Buffer, Operand
from ..ir.expressions import Convolution, Expr, HingeAdd, Load, RepeatChannels, ScaleShift, Upsample
from ..ir.schedule import Schedule
from ..ir.stages import Stage
from ..schedules import DEFAULT
from . import KINDS
from .context import SECTIONS, Context, Parameters
from .simd import Simd

VECTOR = Simd(LANES)
PIXEL = Simd(1)
PACK = "uint32"
"""Sign bits are gathered in words, as wide as the comparisons that give them: narrowing them to a byte costs as much
as gathering, and so is done once for 8 channels."""


@dataclass(frozen=True)
class RowKernel:
    """A stage's kernel: its PrimFunc, its constants, and the rows it reads."""

    func: tirx.PrimFunc
    parameters: Parameters
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Block:
    """`length` <= 8 channels of one branch from `start` (within the branch); `channel` counts from the map's
    first. `repeat` such blocks follow each other."""

    branch: int
    start: int
    channel: int
    length: int
    repeat: int = 1


def element(buffer: Buffer) -> str:
    """TIR type of a buffer's elements."""
    return "uint8" if buffer.dtype == "bits" else "float32"


def stage_operands(stage: Stage) -> tuple[Operand, ...]:
    """The distinct row windows that the stage's leaves read."""
    return tuple(dict.fromkeys(op for e in stage.expressions() for op in KINDS[type(e)].operands(e)))


def blocks(stage: Stage) -> Iterator[Block]:
    """The map's channels cut at branches and at the bytes of every packed output; equal blocks as one loop."""
    cuts, at = {0}, 0
    branches = stage.results[0]
    for branch in branches:
        cuts |= set(range(at, at + branch.channels, 8))
        at += branch.channels
        cuts.add(at)
    for b in stage.outputs:
        if b.dtype == "bits":
            per_group = b.channels // b.groups
            cuts |= {g * per_group + i for g in range(b.groups) for i in range(0, per_group, 8)}
    found: list[Block] = []
    first = 0
    for index, branch in enumerate(branches):
        inner = sorted(c for c in cuts if first <= c <= first + branch.channels)
        for start, end in itertools.pairwise(inner):
            last = found[-1] if found else None
            if last and last.branch == index and end - start == 8 == last.length and whole_bytes(stage, start):
                found[-1] = Block(index, last.start, last.channel, 8, last.repeat + 1)
            else:
                found.append(Block(index, start - first, start, end - start))
        first += branch.channels
    yield from found


def whole_bytes(stage: Stage, channel: int) -> bool:
    """Whether the 8 channels before `channel` and the 8 from it on are consecutive bytes of every output."""
    return all(
        (channel - 8) % (b.channels // b.groups) % 8 == 0 and channel % (b.channels // b.groups) % 8 == 0
        for b in stage.outputs
        if b.dtype == "bits"
    )


def plane_of(buffer: Buffer, channel: TirExpr | int) -> TirExpr | int:
    """The plane of a packed buffer that `channel` lies in."""
    per_group = buffer.channels // buffer.groups
    if buffer.groups == 1:
        return channel // 8
    return channel // per_group * buffer.planes_per_group + channel % per_group // 8


def build(stage: Stage, name: str, schedule: Schedule | None = None) -> RowKernel:
    """The row kernel of a stage, in the default schedule or another."""
    operands, parameters = stage_operands(stage), Parameters()
    with IRBuilder() as builder, T.prim_func():
        T.func_name(name)
        T.func_attr({"global_symbol": name, "tir.noalias": True})
        T.func_ret(PrimType("int32"))
        pointers = [
            [pointer(f"in{n}_{i}", element(op.buffer)) for i in range(op.count)] for n, op in enumerate(operands)
        ]
        constants = [pointer(f"constants_{s}", s) for s in SECTIONS]
        results = [pointer(f"out{n}", element(b)) for n, b in enumerate(stage.outputs)]
        y = T.arg("y", tirx.Var("y", "int32"))
        rows = {op: [flat_buffer(p) for p in some] for op, some in zip(operands, pointers, strict=True)}
        sections = {s: flat_buffer(p) for s, p in zip(SECTIONS, constants, strict=True)}
        outputs = [flat_buffer(p) for p in results]
        ctx = Context(VECTOR, rows, parameters, sections, stage.width, stage.height, y, schedule or DEFAULT.of(stage))
        for e in stage.expressions():
            if prepare := KINDS[type(e)].prepare:
                ctx.prepare(e, prepare(e, ctx))
        bounded = any(b.external is not None for b in [*stage.outputs, *(op.buffer for op in operands)])
        clamped = any(isinstance(e, Load) and e.buffer.width < stage.width for e in stage.expressions())
        columns = min([stage.width, *(op.buffer.width for op in operands)]) if bounded or clamped else None
        emit_columns(stage, ctx, outputs, columns)
        for buffer, row in zip(stage.outputs, outputs, strict=True):
            emit_margins(buffer, row)
        T.Return(tirx.const(0, "int32"))
    return RowKernel(builder.get(), parameters, operands)


def key_of(default: RowKernel) -> str:
    """What tells a kernel from all that compute something else: the SHA-256 of its TIR in the default schedule.

    Stages that differ in their constants alone have one kernel, and one key.
    """
    return hashlib.sha256(default.func.with_attr("global_symbol", "kernel").script().encode()).hexdigest()


def pointer(name: str, dtype: str) -> tuple[tirx.Var, str]:
    """A pointer parameter and what it points to."""
    return T.arg(name, T.handle(dtype)), dtype


def flat_buffer(pointer: tuple[tirx.Var, str]) -> TirExpr:
    """The memory behind a pointer. Its extent is nominal: rows are addressed by the strides of their buffers."""
    return T.decl_buffer((1 << 30,), pointer[1], data=pointer[0])


def emit_columns(stage: Stage, ctx: Context, outputs: list[TirExpr], bound: int | None) -> None:
    """All columns by whole vectors; where a bound is given, whole vectors up to it and pixels after it."""
    vectors = -(-stage.width // LANES) if bound is None else bound // LANES
    if vectors:
        with T.serial(0, vectors) as v:
            ctx.simd, ctx.column, ctx.even_first = VECTOR, v * LANES, computes_even_first(stage)
            emit_channels(stage, ctx, outputs)
    if bound is not None and vectors * LANES < stage.width:
        with T.serial(vectors * LANES, stage.width) as x:
            ctx.simd, ctx.column, ctx.even_first = PIXEL, x, False
            emit_channels(stage, ctx, outputs)


def computes_even_first(stage: Stage) -> bool:
    """Whether even and odd columns are better kept apart: an interpolation gives them so, and loading and storing
    pairs (ld2, st2) costs less than to interleave them in registers."""
    leaves = [e for e in stage.expressions() if KINDS[type(e)].operands(e)]
    return any(is_linear(e) for e in leaves) and all(is_linear(e) or isinstance(e, Load) for e in leaves)


def is_linear(e: Expr) -> bool:
    """Whether it is a bilinear interpolation."""
    return isinstance(e, Upsample) and e.mode == "linear"


def emit_channels(stage: Stage, ctx: Context, outputs: list[TirExpr]) -> None:
    """All channels at one place."""
    packs = {
        n: T.alloc_buffer((ctx.simd.lanes,), PACK, scope="local")
        for n, b in enumerate(stage.outputs)
        if b.dtype == "bits"
    }
    for pack in packs.values():
        ctx.simd.store(pack, ctx.simd.const(0, PACK), 0)
    for block in blocks(stage):
        if block.repeat == 1:
            emit_block(stage, ctx, outputs, block, 0, packs)
        else:
            with T.serial(0, block.repeat) as i:
                emit_block(stage, ctx, outputs, block, i * 8, packs)


def emit_block(
    stage: Stage,
    ctx: Context,
    outputs: list[TirExpr],
    block: Block,
    ahead: TirExpr | int,
    packs: dict[int, TirExpr],
) -> None:
    """Up to 8 channels, as many at a time as the schedule says; `ahead` is the running offset of a loop over blocks.

    The channels are a loop, not unrolled: in one long block LLVM hoists so many loads that registers spill.
    """
    together = next(n for n in range(ctx.schedule.channels, 0, -1) if block.length % n == 0)
    begun: set[int] = set()
    for branches in stage.results:
        begin_expression(branches[block.branch], ctx, [block.start + i + ahead for i in range(block.length)], begun)
    with T.serial(0, block.length // together) as step:
        places = [step * together + i for i in range(together)]
        ctx.begin_channels(places)
        inner = [place + ahead for place in places]
        emit_stores(stage, ctx, outputs, block, inner, packs)
    for n, (buffer, row) in enumerate(zip(stage.outputs, outputs, strict=True)):
        if n in packs:
            finish_byte(ctx, buffer, row, block, ahead, packs[n])


def emit_stores(
    stage: Stage, ctx: Context, outputs: list[TirExpr], block: Block, inner: list[TirExpr], packs: dict[int, TirExpr]
) -> None:
    """Store some channels of a block (`inner` counts from its start) in every form."""
    s = ctx.simd
    for n, (buffer, row) in enumerate(zip(stage.outputs, outputs, strict=True)):
        e, channels = stage.results[n][block.branch], [block.start + i for i in inner]
        if buffer.dtype == "float32":
            for i, value in zip(inner, emit_expression(e, ctx, channels), strict=True):
                s.store(
                    row, ctx.in_columns(value), (block.channel + i) * buffer.plane_stride + buffer.origin + ctx.column
                )
            continue
        for i, value in zip(inner, emit_expression(e, ctx, channels), strict=True):
            above = is_above(buffer, e, ctx, block.channel + i, value)
            top = s.select(above, s.const(1 << 31, PACK), s.const(0, PACK))
            # shifting the word right and setting its top bit is one instruction (sri)
            s.store(packs[n], top | tirx.shift_right(s.load(packs[n], 0), s.const(1, PACK)), 0)


def finish_byte(ctx: Context, buffer: Buffer, row: TirExpr, block: Block, ahead: TirExpr | int, pack: TirExpr) -> None:
    """Store a byte of packed bits where the block completes it; a byte of fewer channels is shifted down."""
    per_group = buffer.channels // buffer.groups
    filled = (block.channel + block.length) % per_group
    if filled % 8 and filled:
        return
    unused = -per_group % 8 if not filled else 0
    plane = plane_of(buffer, block.channel) + (ahead // 8 if isinstance(ahead, int) else tirx.floordiv(ahead, 8))
    s = ctx.simd
    word = tirx.shift_right(s.load(pack, 0), s.const(24 + unused, PACK))
    byte = ctx.in_columns(s.cast(word, "uint8"))
    s.store(row, byte, plane * buffer.plane_stride + buffer.origin + ctx.column)


INFINITY_BITS = 0x7F800000


def never_negative_zero(e: Expr) -> bool:
    """A sum is -0.0 only where all its parts are."""
    match e:
        case HingeAdd():
            return True
        case Convolution():
            return not (np.signbit(e.bias) & (e.bias == 0)).any()
        case ScaleShift():
            return not (np.signbit(e.shift) & (e.shift == 0)).any()
    return False


def is_above(buffer: Buffer, e: Expr, ctx: Context, channel: TirExpr, value: TirExpr) -> TirExpr:
    """Sign (2) of the values of `e`: whether they are at least the channel's threshold; NaN is not."""
    if never_negative_zero(e) and not buffer.threshold.any():
        # what is not negative then is what has the bits of 0 to infinity: half of a float's comparison
        bits = ctx.simd.reinterpret(value, "uint32")
        return bits <= ctx.simd.const(INFINITY_BITS, "uint32")
    return value >= threshold(buffer, ctx, channel)


def threshold(buffer: Buffer, ctx: Context, channel: TirExpr | int) -> TirExpr:
    """What a channel is compared with for its sign bit."""
    if not buffer.threshold.any():
        return ctx.simd.const(0.0, "float32")
    return ctx.per_channel(buffer, "threshold", buffer.threshold, channel if len(buffer.threshold) > 1 else 0)


def through_spread(e: RepeatChannels, channels: list[TirExpr]) -> list[TirExpr]:
    """The channels of a spread's argument that become `channels`."""
    return [tirx.floordiv(o, e.channels // e.x.channels) for o in channels]


def begin_expression(e: Expr, ctx: Context, channels: list[TirExpr], begun: set[int]) -> None:
    """What the nodes of `e` compute for all channels of a block at once."""
    if id(e) in begun:
        return
    begun.add(id(e))
    for child in e.children():
        begin_expression(child, ctx, through_spread(e, channels) if isinstance(e, RepeatChannels) else channels, begun)
    if begin := KINDS[type(e)].begin_block:
        ctx.begin_block(e, begin(e, ctx, channels))


def emit_expression(e: Expr, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
    """The values of `e` for some channels, each node once."""

    def emit() -> list[TirExpr]:
        if isinstance(e, RepeatChannels):
            return emit_expression(e.x, ctx, through_spread(e, channels))
        kind = KINDS[type(e)]
        if kind.emit_together:
            return kind.emit_together(e, ctx, channels)
        assert kind.emit
        if kind.begin_block:
            return [kind.emit(e, ctx, o, ctx.block(e), n) for o, n in zip(channels, ctx.places, strict=True)]
        children = [emit_expression(c, ctx, channels) for c in e.children()]
        return [kind.emit(e, ctx, o, *(values[i] for values in children)) for i, o in enumerate(channels)]

    return ctx.memo(e, emit)


def emit_margins(buffer: Buffer, row: TirExpr) -> None:
    """Fill what windows read left and right of the row; the lanes past the last column are overwritten too."""
    if buffer.margin == "none":
        return
    dtype = element(buffer)
    with T.serial(0, buffer.planes) as plane:
        start = plane * buffer.plane_stride
        end = start + buffer.origin + buffer.width
        for at, edge in ((start, start + buffer.origin), (end, end - 1)):
            value = VECTOR.const(0, dtype) if buffer.margin == "zero" else VECTOR.splat(T.Bind(row[edge]))
            VECTOR.store(row, value, at)
