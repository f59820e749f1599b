"""A stage becomes a row kernel: one PrimFunc that computes row y of the stage's map in all its stored forms.

    int32 kernel(input rows..., float32 constants, int16 constants, uint8 constants, output rows..., y)

The loop nest: vectors of 16 columns; within, blocks of 8 channels (a byte of packed bits); within, the
channels of a block unrolled. Where the model's own input or output is touched, whose rows have no slack
behind them, the last columns are computed one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import tvm
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.script.ir_builder import IRBuilder
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..program import LANES, Buffer, Expr, Load, Operand, Spread, Stage
from . import KINDS
from .context import SECTIONS, Context, Parameters
from .simd import Simd

VECTOR = Simd(LANES)
PIXEL = Simd(1)


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
    found = [kind.operand(e) for e in stage.expressions() if (kind := KINDS.get(type(e))) and kind.operand]
    return tuple(dict.fromkeys(found))


def blocks(stage: Stage) -> Iterator[Block]:
    """The map's channels cut at branches and at the bytes of every packed output; equal blocks as one loop."""
    cuts, at = {0}, 0
    for branch in stage.branches:
        cuts |= set(range(at, at + branch.channels, 8))
        at += branch.channels
        cuts.add(at)
    for b in stage.outputs:
        if b.dtype == "bits":
            per_group = b.channels // b.groups
            cuts |= {g * per_group + i for g in range(b.groups) for i in range(0, per_group, 8)}
    found: list[Block] = []
    first = 0
    for index, branch in enumerate(stage.branches):
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


def build(stage: Stage, name: str) -> RowKernel:
    """The row kernel of a stage."""
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
        ctx = Context(VECTOR, rows, parameters, sections, stage.width, stage.height, y)
        for e in stage.expressions():
            if (kind := KINDS.get(type(e))) and kind.prepare:
                ctx.prepare(e, kind.prepare(e, ctx))
        bounded = any(b.external is not None for b in [*stage.outputs, *(op.buffer for op in operands)])
        clamped = any(isinstance(e, Load) and e.buffer.width < stage.width for e in stage.expressions())
        columns = min([stage.width, *(op.buffer.width for op in operands)]) if bounded or clamped else None
        emit_columns(stage, ctx, outputs, columns)
        for buffer, row in zip(stage.outputs, outputs, strict=True):
            emit_margins(buffer, row)
        T.Return(tirx.const(0, "int32"))
    return RowKernel(builder.get(), parameters, operands)


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
            ctx.simd, ctx.column = VECTOR, v * LANES
            emit_channels(stage, ctx, outputs)
    if bound is not None and vectors * LANES < stage.width:
        with T.serial(vectors * LANES, stage.width) as x:
            ctx.simd, ctx.column = PIXEL, x
            emit_channels(stage, ctx, outputs)


def emit_channels(stage: Stage, ctx: Context, outputs: list[TirExpr]) -> None:
    """All channels at one place."""
    packed: dict[int, TirExpr] = {}  # output -> the byte being filled, where blocks share one
    for block in blocks(stage):
        if block.repeat == 1:
            emit_block(stage, ctx, outputs, block, 0, packed)
        else:
            with T.serial(0, block.repeat) as i:
                emit_block(stage, ctx, outputs, block, i * 8, packed)


def emit_block(
    stage: Stage, ctx: Context, outputs: list[TirExpr], block: Block, ahead: TirExpr | int, packed: dict[int, TirExpr]
) -> None:
    """Up to 8 channels, unrolled; `ahead` is the running offset of a loop over equal blocks."""
    s = ctx.simd
    for i in range(block.length):
        ctx.begin_channel()
        channel = block.channel + i + ahead
        value = emit_expression(stage.branches[block.branch], ctx, block.start + i + ahead)
        for n, (buffer, row) in enumerate(zip(stage.outputs, outputs, strict=True)):
            if buffer.dtype == "float32":
                s.store(row, value, channel * buffer.plane_stride + buffer.origin + ctx.column)
                continue
            per_group = buffer.channels // buffer.groups
            in_group = (block.channel + i) % per_group
            # a shift, not a select: TVM's simplifier takes seconds over a chain of selects
            above = s.cast(value >= threshold(buffer, ctx, channel), "uint8")
            bit = tirx.shift_left(above, s.const(in_group % 8, "uint8"))
            packed[n] = ctx.bind(packed[n] | bit if n in packed else bit)
            if in_group % 8 == 7 or in_group == per_group - 1:
                # in a loop the plane follows from the block's first channel, and so stays affine
                plane = plane_of(buffer, block.channel + i) + (
                    ahead // 8 if isinstance(ahead, int) else tirx.floordiv(ahead, 8)
                )
                s.store(row, packed.pop(n), plane * buffer.plane_stride + buffer.origin + ctx.column)


def threshold(buffer: Buffer, ctx: Context, channel: TirExpr | int) -> TirExpr:
    """What a channel is compared with for its sign bit."""
    if not buffer.threshold.any():
        return ctx.simd.const(0.0, "float32")
    return ctx.per_channel(buffer, "threshold", buffer.threshold, channel if len(buffer.threshold) > 1 else 0)


def emit_expression(e: Expr, ctx: Context, o: TirExpr | int) -> TirExpr:
    """The value of `e` for channel `o`, each node once."""

    def emit() -> TirExpr:
        if isinstance(e, Spread):
            return emit_expression(e.x, ctx, tirx.floordiv(tirx.const(0, "int32") + o, e.channels // e.x.channels))
        return KINDS[type(e)].emit(e, ctx, o, *(emit_expression(c, ctx, o) for c in e.children()))

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


def ir_module(kernels: dict[str, tirx.PrimFunc]) -> tvm.IRModule:
    """The kernels as one module."""
    return tvm.IRModule(kernels)
