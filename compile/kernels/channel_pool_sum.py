# SPDX-License-Identifier: Apache-2.0
"""ChannelPoolSum: PoolSum by vectors of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tvm.ir import Expr as TirExpr

from ..ir.expressions import kind
from ..ir.window import Window
from .channel_context import ChannelContext
from .context import Context
from .pool_sum import PoolSum

WINDOW = Window((2, 2), (2, 2))


@kind
@dataclass(frozen=True, eq=False)
class ChannelPoolSum(PoolSum):
    """PoolSum over an interleaved map, from a whole block of channels on."""

    leads: ClassVar[int | None] = 31
    has_channel_lanes: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """Add the rows, then the columns."""
        assert isinstance(ctx, ChannelContext)
        (upper, lower), plane = ctx.rows(self.operands()[0]), channels[0] + self.offset

        def column(kx: int) -> TirExpr:
            """The sum of one column's rows."""
            taps = [ctx.tap(row, self.buffer, plane, WINDOW, 0, kx) for row in (upper, lower)]
            return ctx.bind(taps[0] + taps[1])

        return [column(0) + column(1)]
