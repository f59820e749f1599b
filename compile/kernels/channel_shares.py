# SPDX-License-Identifier: Apache-2.0
"""Shares of a full-precision convolution's inputs, which one after the other are added to what waits in the map.

What a band reads is read again for each block of outputs, and each band fetches all weights anew. Where a band's inputs
do not stay in the first-level cache, or so short a band that they do fetches many weights again and again, its loop
over inputs is cut and goes around the loop over blocks of outputs: a share of the inputs stays, each weight is fetched
once for a band, and sums wait where the stage's result will be. They are added up in the same order, and what a float32
is stored to it is loaded from, so that no bit of the result tells how, or whether, inputs were cut.

    for each share:  for each block of 8 outputs:  for each row of the band:  for each tile:
        the sums so far, of a first share the bias;  the share's inputs;  store;  of the last, the epilogue instead

A stage that counts bits too does so when all inputs have been added: what it reads for that has the cache to itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.schedule import Schedule
from ..ir.stages import Stage
from ..storage.encoding import BLOCK
from .channel_context import ChannelContext
from .channel_convolution import ChannelConvolution, Share, sums_output
from .channel_turns import repeated


@dataclass(frozen=True)
class Shares:
    """A convolution whose inputs are cut: `count` shares of so many `turns` of its loop, and what is left for the turn
    in which the rest of the stage is computed. Sums wait in its `output`."""

    convolution: ChannelConvolution
    output: int
    turns: int
    count: int

    @property
    def left(self) -> int:
        """The turns that are left, which may be none."""
        return self.convolution.turns - self.count * self.turns

    def each(self, ctx: ChannelContext) -> AbstractContextManager[TirExpr]:
        """The loop over shares, the last of which is what is left."""
        return ctx.loop(self.count + 1)

    def emit_tile(
        self,
        stage: Stage,
        ctx: ChannelContext,
        outputs: list[TirExpr],
        channel: TirExpr | int,
        share: TirExpr,
        emit_rest: Callable[[TirExpr | int, int], None],
        column: TirExpr | int,
        pixels: int,
    ) -> None:
        """A share of some pixels from `column` on, of as many blocks from `channel` on as are begun together; of the
        last share, `emit_rest`."""
        row, buffer = outputs[self.output], stage.outputs[self.output]
        ctx.tile, ctx.column = pixels, column

        def place(o: TirExpr | int, pixel: int) -> TirExpr | int:
            return ctx.lanes_at(buffer, o, column + pixel)

        def waiting(o: TirExpr | int, pixel: int) -> TirExpr:
            return row[place(o, pixel)]

        with T.If(share < self.count):
            with T.Then(), repeated(ctx, ctx.span) as n:
                o = channel + n * BLOCK
                part = Share(share * self.turns, self.turns, waiting, share > 0)
                for i, total in enumerate(self.convolution.sum_share(ctx, o, part)):
                    T.buffer_store(row, ctx.simd.load(total, 0), [place(o, i)])
            with T.Else():
                ctx.shares[id(self.convolution)] = Share(self.count * self.turns, self.left, waiting)
                emit_rest(column, pixels)
                ctx.shares.clear()


def shares_of(stage: Stage, schedule: Schedule) -> Shares | None:
    """The shares in which a stage's convolution is computed in a schedule; None where all inputs are taken at once."""
    found = [e for e in stage.expressions() if isinstance(e, ChannelConvolution)]
    if len(found) != 1:
        return None
    (e,), output = found, sums_output(stage)
    turns = e.fetches(stage).share(schedule.band)
    if output is None or turns == e.turns:
        return None
    count, left = divmod(e.turns, turns)
    return Shares(e, output, turns, count - 1 if e.is_alone(stage) and not left else count)
