# SPDX-License-Identifier: Apache-2.0
"""The loop nest of a row kernel whose lanes are channels.

Blocks of 8 channels; within, the rows of a band; within, tiles of a few pixels. So a block's weights stay in the
first-level cache for a band, and a tile's counts in registers. All tiles of a row are of one size but the last.
Around all that a loop over shares of a convolution's inputs, where they are cut (channel_shares.py).
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import Core
from ..ir.stages import Stage
from ..storage.encoding import BLOCK
from .band import OneRow
from .channel_context import ChannelContext
from .channel_shares import shares_of
from .channel_tables import PIXELS
from .row_blocks import Block, blocks, repeated


def tile_of(width: int, most: int) -> int:
    """Pixels of a tile, at most so many: as few tiles as can be, of about the same size."""
    return -(-width // -(-width // most))


def emit_tiles(stage: Stage, ctx: ChannelContext, rows: OneRow) -> None:
    """All channels of all rows."""
    everything = list(stage.expressions())
    ctx.span = span_of(stage, ctx.core)
    tile = tile_of(stage.width, ctx.schedule.pixels if ctx.span == 1 else min(PIXELS, ctx.schedule.pixels))
    whole, rest = divmod(stage.width, tile)
    shares = shares_of(stage, ctx.schedule)
    with shares.each(ctx) if shares else nullcontext() as share:
        for block in blocks(stage):
            with repeated(block, ctx.span) as ahead, rows.each(ctx, everything) as outputs:
                emit = partial(emit_tile, stage, ctx, outputs, block, ahead)
                if shares and share is not None:
                    emit = partial(shares.emit_tile, stage, ctx, outputs, block.start + ahead, share, emit)
                with T.serial(0, whole) as turn:
                    emit(turn * tile, tile)
                if rest:
                    emit(whole * tile, rest)


def span_of(stage: Stage, core: Core) -> int:
    """Blocks that are begun together: as many as those expressions want that do not take any, where all of a branch's
    blocks are so many times as many."""
    wanted = min((n for e in stage.expressions() if (n := e.span(core))), default=1)
    return wanted if all(block.repeat % wanted == 0 for block in blocks(stage)) else 1


def emit_tile(
    stage: Stage,
    ctx: ChannelContext,
    outputs: list[TirExpr],
    block: Block,
    ahead: TirExpr | int,
    first: TirExpr | int,
    pixels: int,
) -> None:
    """8 channels of some pixels from column `first` on, or a few times 8, of which what is begun together is first."""
    ctx.tile, ctx.column = pixels, first
    if ctx.span == 1:
        emit_pixels(stage, ctx, outputs, block, ahead)
        return
    begun: set[int] = set()
    for branches in stage.results:
        ctx.begin_span(branches[block.branch], [block.start + ahead], begun)
    with T.serial(0, ctx.span) as n:
        ctx.within = n * BLOCK
        emit_pixels(stage, ctx, outputs, block, ahead + ctx.within)


def emit_pixels(stage: Stage, ctx: ChannelContext, outputs: list[TirExpr], block: Block, ahead: TirExpr | int) -> None:
    """8 channels of the tile at hand, from its column on: their counts together, then the epilogue of each."""
    first = ctx.column
    seen: set[int] = set()
    channels: list[Any] = [block.start + ahead]
    for branches in stage.results:
        ctx.begin_block(branches[block.branch], channels, seen)
    kept: list[list[TirExpr]] = [[] for _ in outputs]
    for i in range(ctx.tile):
        ctx.pixel, ctx.column = i, first + i
        ctx.begin_channels([])
        for branches, buffer, row, states in zip(stage.results, stage.outputs, outputs, kept, strict=True):
            e = branches[block.branch]
            (value,) = ctx.emit(e, channels)
            states.append(buffer.encoding.store_pixel(ctx, buffer, row, e, block.channel + ahead, value))
    ctx.column = first
    for buffer, row, states in zip(stage.outputs, outputs, kept, strict=True):
        buffer.encoding.finish_pixels(ctx, buffer, row, block.channel + ahead, states)
