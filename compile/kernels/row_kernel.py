# SPDX-License-Identifier: Apache-2.0
"""A stage becomes a row kernel: one PrimFunc that computes row y of the stage's map in all its stored forms.

    int32 kernel(input rows..., sections of constants..., output rows..., y)
    int32 kernel(addresses of input rows, sections of constants..., addresses of output rows, y, rows)

The second is of a band of rows (band.py). The loop nest: vectors of 16 columns, or of a few times so many; within, or
around them and the rows of a band, blocks of 8 channels (a byte of packed bits); within, a few channels at a time.
Where the model's own input or output is touched, whose rows have no slack behind them, the last columns are computed
one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.script.ir_builder import IRBuilder
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import Core
from ..errors import CompileError
from ..ir.buffers import Operand
from ..ir.expressions import Expr, Leaf
from ..ir.schedule import Schedule
from ..ir.stages import Stage
from ..storage.encoding import BLOCK
from .band import Band, OneRow, flat_buffer, pointer
from .channel_context import ChannelContext
from .channel_tiles import emit_tiles
from .context import FLOAT_SECTIONS, INTEGER_SECTIONS, Context, Parameters
from .row_blocks import Block, blocks, repeated
from .simd import Simd

PIXEL = Simd(1)


@dataclass(frozen=True)
class RowKernel:
    """A stage's kernel: its PrimFunc, its constants, and the rows it reads."""

    func: tirx.PrimFunc
    parameters: Parameters
    operands: tuple[Operand, ...]


def build(stage: Stage, name: str, core: Core, schedule: Schedule, *, apart: bool = False) -> RowKernel:
    """The row kernel of a stage for a core, in a schedule; `apart`: as if no map took the place of another. Raises
    CompileError for a stage without rows."""
    if stage.parts:
        raise CompileError(f"layer '{stage.name}': no kind of expression computes whole maps yet")
    operands, parameters = stage.operands(), Parameters()
    with IRBuilder() as builder, T.prim_func():
        T.func_name(name)
        T.func_attr({"global_symbol": name, "tir.noalias": True})
        T.func_ret(PrimType("int32"))
        form, in_place = Band if takes_addresses(stage, schedule) else OneRow, {} if apart else stage.in_place()
        rows = form(operands, stage.outputs, in_place, schedule.band)
        wanted = sections_of(stage)
        constants = [pointer(f"constants_{s}", s) for s in wanted]
        rows.declare_results()
        rows.declare_input_memory()
        sections = {s: flat_buffer(p) for s, p in zip(wanted, constants, strict=True)}
        rows.declare_result_memory()
        of_row = (Simd.of(core), parameters, sections, stage.width, stage.height, schedule, core)
        ctx = ChannelContext(*of_row) if has_channel_lanes(stage) else Context(*of_row)
        rows.begin(ctx, list(stage.expressions()))
        if isinstance(ctx, ChannelContext):
            emit_tiles(stage, ctx, rows)
        else:
            emit_columns(stage, ctx, rows, whole_vectors_end(stage))
        with rows.each(ctx, []) as outputs:
            for buffer, row in zip(stage.outputs, outputs, strict=True):
                buffer.layout.emit_margins(buffer, row, ctx)
        T.Return(tirx.const(0, "int32"))
    return RowKernel(builder.get(), parameters, operands)


def has_channel_lanes(stage: Stage) -> bool:
    """Whether a stage's vectors are of channels."""
    return any(e.has_channel_lanes for e in stage.expressions())


def takes_addresses(stage: Stage, schedule: Schedule) -> bool:
    """Whether a stage's kernel is given its rows' addresses: of a band, and where it goes through a window's rows in a
    loop."""
    return schedule.band > 1 or has_channel_lanes(stage)


def sections_of(stage: Stage) -> tuple[str, ...]:
    """The sections of constants that a stage's kernel is given."""
    integer = any(b.encoding.is_whole for b in stage.outputs)
    return INTEGER_SECTIONS if integer else FLOAT_SECTIONS


def key_of(stage: Stage, core: Core, default: Schedule) -> str:
    """The key of a stage's kernel: the SHA-256 of its TIR in the default schedule, which tells it from all that compute
    something else.

    Stages that differ in their constants alone, or in where they write, have one key.
    """
    text = build(stage, "kernel", core, default, apart=True).func.script()
    return hashlib.sha256(text.encode()).hexdigest()


def leaves(stage: Stage) -> list[Leaf]:
    """The nodes of a stage that read stored maps."""
    return [e for e in stage.expressions() if isinstance(e, Leaf)]


def whole_vectors_end(stage: Stage) -> int | None:
    """The column that whole vectors must not go beyond: where a row has no slack behind it, or a load's map is less
    wide than the stage; None where all columns may be computed by vectors."""
    maps = [op.buffer for op in stage.operands()]
    bounded = any(not b.layout.is_padded for b in [*stage.outputs, *maps])
    repeated = any(e.repeats_border and op.buffer.width < stage.width for e in leaves(stage) for op in e.operands())
    widths = [op.buffer.width for e in leaves(stage) if e.bounds_columns for op in e.operands()]
    return min([stage.width, *widths]) if bounded or repeated else None


def emit_columns(stage: Stage, ctx: Context, rows: OneRow, bound: int | None) -> None:
    """All columns by whole vectors; where a bound is given, whole vectors up to it and pixels after it."""
    lanes = ctx.vector.lanes
    vectors = -(-stage.width // lanes) if bound is None else bound // lanes
    together = ctx.schedule.vectors
    paired = vectors // together * together
    if paired:
        emit_range(stage, ctx, rows, Simd(lanes * together), 0, paired * lanes)
    if paired < vectors:
        emit_range(stage, ctx, rows, ctx.vector, paired * lanes, vectors * lanes)
    if bound is not None and vectors * lanes < stage.width:
        emit_range(stage, ctx, rows, PIXEL, vectors * lanes, stage.width)


def emit_range(stage: Stage, ctx: Context, rows: OneRow, simd: Simd, start: int, stop: int) -> None:
    """The columns start .. stop-1 by vectors of `simd`; all channels at one place before the next place, or the other
    way round, as the schedule says; a band's rows around the columns, or within."""
    ctx.simd, ctx.even_first = simd, simd.lanes > 1 and ctx.core.interleaves and computes_even_first(stage)
    columns = range(start, stop, simd.lanes)
    if ctx.schedule.outer == "channels" and all(block.length == BLOCK for block in blocks(stage)):
        for block in blocks(stage):
            with repeated(block) as ahead, each_place(stage, ctx, rows, columns) as outputs:
                emit_block(stage, ctx, outputs, block, ahead, [b.encoding.begin(ctx) for b in stage.outputs])
        return
    with each_place(stage, ctx, rows, columns) as outputs:
        emit_channels(stage, ctx, outputs)


@contextmanager
def each_place(stage: Stage, ctx: Context, rows: OneRow, columns: range) -> Iterator[list[TirExpr]]:
    """The loops over a band's rows and over columns, in the schedule's order; gives the row of each output."""
    everything = list(stage.expressions())
    if ctx.schedule.within == "rows":
        with T.serial(0, len(columns)) as turn:
            ctx.column = turn * columns.step + columns.start
            with rows.each(ctx, everything) as outputs:
                yield outputs
        return
    with rows.each(ctx, everything) as outputs, T.serial(0, len(columns)) as turn:
        ctx.column = turn * columns.step + columns.start
        yield outputs


def computes_even_first(stage: Stage) -> bool:
    """Whether even and odd columns are better kept apart: where an interpolation gives them so, loading and storing
    pairs (ld2, st2) costs less than to interleave them in registers."""
    orders = {e.lane_order for e in leaves(stage)}
    return "even first" in orders and orders <= {"even first", "any"}


def emit_channels(stage: Stage, ctx: Context, outputs: list[TirExpr]) -> None:
    """All channels at one place."""
    begun = [b.encoding.begin(ctx) for b in stage.outputs]
    for block in blocks(stage):
        with repeated(block) as ahead:
            emit_block(stage, ctx, outputs, block, ahead, begun)


def emit_block(
    stage: Stage, ctx: Context, outputs: list[TirExpr], block: Block, ahead: TirExpr | int, begun: list[TirExpr]
) -> None:
    """Up to 8 channels, as many at a time as the schedule says; `ahead` is the running offset of a loop over blocks.

    The channels are a loop, not unrolled: in one long block LLVM hoists so many loads that registers spill.
    """
    seen: set[int] = set()
    for branches in stage.results:
        for e in beside(stage, branches, block):
            ctx.begin_block(e, [block.start + i + ahead for i in range(block.length)], seen)
    counts = any(e.comes_first for e in stage.expressions())
    group = largest_divisor(block.length, ctx.schedule.counted if counts else ctx.schedule.channels)
    together = largest_divisor(group, ctx.schedule.channels)
    with T.serial(0, block.length // group) as step:
        ctx.begin_group()
        for branches in stage.results:
            for e in beside(stage, branches, block):
                ctx.emit_first(e, [block.start + step * group + i + ahead for i in range(group)])
        for at in range(0, group, together):
            places = [step * group + at + i for i in range(together)]
            ctx.begin_channels(places, at)
            inner = [place + ahead for place in places]
            for branches, buffer, row, state in zip(stage.results, stage.outputs, outputs, begun, strict=True):
                some = beside(stage, branches, block)
                for n, e in enumerate(some[:1] if buffer.encoding.copies > 1 else some):
                    values = ctx.emit(e, [block.start + i for i in inner])
                    channels = [block.channel + n * e.channels + i for i in inner]
                    buffer.encoding.store(ctx, buffer, row, e, channels, values, state)
    for buffer, row, state in zip(stage.outputs, outputs, begun, strict=True):
        buffer.encoding.finish(ctx, buffer, row, block.channel, block.length, ahead, state)


def beside(stage: Stage, branches: tuple[Expr, ...], block: Block) -> tuple[Expr, ...]:
    """The branches whose channels a block is of: what they have in common is computed once."""
    return branches if stage.copies > 1 else branches[block.branch : block.branch + 1]


def largest_divisor(n: int, most: int) -> int:
    """The largest divisor of n that is at most `most`."""
    return next(d for d in range(most, 0, -1) if n % d == 0)
