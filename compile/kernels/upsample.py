# SPDX-License-Identifier: Apache-2.0
"""Upsample: twice the resolution, half-pixel centres (UpSample's first half).

linear:  4*out[2i] = in[i-1] + 3*in[i],  4*out[2i+1] = 3*in[i] + in[i+1], in each direction, the border
         repeated; both together 16 times the value, a factor that goes into what follows
nearest: out[2i] = out[2i+1] = in[i]
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
class Upsample(Leaf):
    """Twice the resolution, from channel `offset` on; linear: 16 times the value."""

    buffer: Buffer
    mode: Literal["linear", "nearest"]
    offset: int = 0

    leads: ClassVar[int | None] = 2
    is_square = True
    is_never_negative_zero = False
    work = Work()

    @property
    def lane_order(self) -> str:
        """An interpolation gives even and odd columns apart."""
        return "even first" if self.mode == "linear" else "columns"

    @property
    def near(self) -> Operand:
        """Row y // 2."""
        return Operand(self.buffer, div=2)

    @property
    def far(self) -> Operand:
        """The row on the other side of the output row: y // 2 - 1, for odd y y // 2 + 1."""
        return Operand(self.buffer, add=-2, div=2, odd=2)

    def operands(self) -> tuple[Operand, ...]:
        """The rows that are blended."""
        return (self.near,) if self.mode == "nearest" else (self.near, self.far)

    def slice(self, start: int, stop: int) -> Upsample:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, 2H, 2W]; linear: 16 times the interpolated value."""
        x = inputs.stored[self.buffer.name][self.offset : self.offset + self.channels]
        for axis in (1, 2):
            if self.mode == "nearest":
                x = x.repeat(2, axis)
                continue
            n = x.shape[axis]
            before, after = (x.take(np.clip(np.arange(n) + d, 0, n - 1), axis) for d in (-1, 1))
            three = x * x.dtype.type(3)
            pair = np.stack([before + three, three + after], axis + 1)
            x = pair.reshape([2 * n if i == axis else size for i, size in enumerate(x.shape)])
        return x

    def identity(self) -> Expr | None:
        return None

    def slots(self, issue: Issue) -> int:
        """Linear: three places of two rows, then both sides."""
        if self.mode == "nearest":
            return issue.words * issue.interleave
        return (3 * issue.words // 2 + issue.words) * issue.float + issue.words * issue.interleave

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return [self.emit_channel(ctx, o) for o in channels]

    def emit_channel(self, ctx: Context, o: TirExpr) -> TirExpr:
        """Blend the rows at three neighbouring places, then those, and interleave even and odd columns where the stage
        does not compute in even columns first.

        The row or column of weight 1 is loaded afresh or computed last, so that each blend is one multiply-add.
        """
        half = Simd(max(ctx.simd.lanes // 2, 1))
        (near_row,) = ctx.rows(self.near)
        at = self.buffer.layout.at(self.buffer, o + self.offset, tirx.floordiv(ctx.column, 2))
        if self.mode == "nearest":
            x = ctx.bind(half.load(near_row, at))
            return x if ctx.simd.lanes == 1 else half.shuffle([x, x], [i // 2 for i in range(ctx.simd.lanes)])
        (far_row,) = ctx.rows(self.far)
        three = half.const(3.0, "float32")
        before, here, after = (
            ctx.bind(half.fma(half.load(near_row, at + d), three, half.load(far_row, at + d))) for d in (-1, 0, 1)
        )
        pair = [ctx.bind(half.fma(here, three, side)) for side in (before, after)]
        if ctx.simd.lanes == 1:
            return tirx.Select(tirx.floormod(ctx.column, 2) == 0, *pair)
        if ctx.even_first:
            return half.shuffle(pair, range(ctx.simd.lanes))
        return half.shuffle(pair, [i // 2 + half.lanes * (i % 2) for i in range(ctx.simd.lanes)])
