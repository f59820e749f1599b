# SPDX-License-Identifier: Apache-2.0
"""ChannelMaxPool: MaxPool by vectors of channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

from tvm.ir import Expr as TirExpr

from ..ir.expressions import kind
from .channel_context import ChannelContext
from .context import Context
from .max_pool import MaxPool


@kind
@dataclass(frozen=True, eq=False)
class ChannelMaxPool(MaxPool):
    """MaxPool over an interleaved map, from a whole block of channels on."""

    leads: ClassVar[int | None] = 27
    has_channel_lanes: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True

    def begin_block(self, ctx: Context, channels: list[TirExpr | int]) -> list[TirExpr]:
        """The largest of each window of the tile: of a column's rows once for all windows that it is in, then of
        columns."""
        assert isinstance(ctx, ChannelContext)
        s, plane, (rows, kw) = (
            ctx.simd,
            channels[0] + self.offset,
            (ctx.rows(self.operands()[0]), self.window.kernel[1]),
        )
        columns: dict[int, TirExpr] = {}
        largest = []
        for i in range(ctx.tile):
            places = [i * self.window.strides[1] + kx for kx in range(kw)]
            for n in (n for n in places if n not in columns):
                taps = [ctx.tap(row, self.buffer, plane, self.window, 0, n) for row in rows]
                columns[n] = ctx.bind(reduce(s.maximum, taps))
            largest.append(ctx.bind(reduce(s.maximum, (columns[n] for n in places))))
        return largest

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The window of the pixel at hand."""
        assert isinstance(ctx, ChannelContext)
        return [ctx.block(self)[ctx.pixel]]
