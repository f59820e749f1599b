# SPDX-License-Identifier: Apache-2.0
"""DepthToSpace: channels become pixels (pixel shuffle): each pixel a square of `block` x `block`.

out[c, y, x] = in[channel(c, y mod block, x mod block), y // block, x // block]
CRD: channel(c, i, j) = (c block + i) block + j      DCR: (i block + j) channels + c
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind
from .context import Context
from .simd import Simd


@kind
@dataclass(frozen=True, eq=False)
class DepthToSpace(Leaf):
    """`block` times the height and width, from channel `offset` of the result on; `block` is 2, 4 or 8."""

    buffer: Buffer
    block: int
    mode: Literal["CRD", "DCR"]
    offset: int = 0

    leads: ClassVar[int | None] = 26
    is_square = True
    is_never_negative_zero = False
    bounds_columns = False
    work = Work()

    def operands(self) -> tuple[Operand, ...]:
        """Row y // block."""
        return (Operand(self.buffer, div=self.block),)

    def slice(self, start: int, stop: int) -> DepthToSpace:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def plane(self, channel: Any, row: Any, column: Any) -> Any:
        """The channel of the map that a channel's pixel of a square is of."""
        if self.mode == "CRD":
            return (channel * self.block + row) * self.block + column
        return (row * self.block + column) * (self.buffer.channels // self.block**2) + channel

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, block H, block W]."""
        x = inputs.stored[self.buffer.name]
        _, height, width = x.shape
        result = np.empty((self.channels, height * self.block, width * self.block), x.dtype)
        channels = np.arange(self.channels) + self.offset
        for i, j in np.ndindex(self.block, self.block):
            result[:, i :: self.block, j :: self.block] = x[self.plane(channels, i, j)]
        return result

    def identity(self) -> Expr | None:
        """Itself: the map that it reads is made zero instead."""
        return self

    def slots(self, issue: Issue) -> int:
        """Vectors of `block` planes are interleaved, two at a time."""
        return issue.words * issue.interleave * (self.block.bit_length() - 1)

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return [self.emit_channel(ctx, o + self.offset) for o in channels]

    def emit_channel(self, ctx: Context, channel: TirExpr) -> TirExpr:
        """The pixels of a square's row lie in `block` planes, one beside the other."""
        (row,), lanes, block = ctx.rows(self.operands()[0]), ctx.simd.lanes, self.block
        inner = tirx.floormod(ctx.y, block)
        at = tirx.floordiv(ctx.column, block)
        if lanes == 1:
            plane = self.plane(channel, inner, tirx.floormod(ctx.column, block))
            return row[self.buffer.layout.at(self.buffer, plane, at)]
        part = Simd(lanes // block)
        planes = [
            ctx.bind(part.load(row, self.buffer.layout.at(self.buffer, self.plane(channel, inner, j), at)))
            for j in range(block)
        ]
        return part.shuffle(planes, [i // block + i % block * part.lanes for i in range(lanes)])
