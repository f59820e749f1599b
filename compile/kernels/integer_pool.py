# SPDX-License-Identifier: Apache-2.0
"""IntegerPool: the sum of 2x2 pixels, stride 2, each through a slope for either sign (DownSample's first half)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, each, kind
from .context import Context
from .integer_sum import Extent, Summand, constant, multiply_add, slopes_extent

PIXELS = 4


@kind
@dataclass(frozen=True, eq=False)
class IntegerPool(Leaf, Summand):
    """Sum of 2x2 pixels of an int8 map from channel `offset` on, negative*x where x < 0, else positive*x; an odd last
    row or column is dropped."""

    buffer: Buffer
    negative: npt.NDArray[np.int8]
    positive: npt.NDArray[np.int8]
    offset: int = 0

    leads: ClassVar[int | None] = 32
    is_square = True
    is_never_negative_zero = True
    work = Work()

    def operands(self) -> tuple[Operand, ...]:
        """Rows 2y and 2y+1."""
        return (Operand(self.buffer, mul=2, count=2),)

    def slice(self, start: int, stop: int) -> IntegerPool:
        negative, positive = self.negative[start:stop], self.positive[start:stop]
        offset = self.offset + start
        return replace(self, channels=stop - start, offset=offset, negative=negative, positive=positive)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int32 [channels, H // 2, W // 2]."""
        x = inputs.stored[self.buffer.name][self.offset : self.offset + self.channels].astype(np.int32)
        x = np.where(x < 0, each(self.negative).astype(np.int32), each(self.positive).astype(np.int32)) * x
        h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
        rows = x[:, 0:h:2] + x[:, 1:h:2]
        return np.asarray(rows[:, :, 0:w:2] + rows[:, :, 1:w:2])

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.zeros_like(self.reference(magnitudes))

    def identity(self) -> Expr | None:
        return None

    def extent(self, *parts: Extent) -> Extent:
        """Four times that of one pixel."""
        info = np.iinfo(np.int8)
        ends = (np.full(self.channels, v, np.int64) for v in (info.min, info.max))
        low, high = slopes_extent(self.negative, self.positive, *ends)
        return PIXELS * low, PIXELS * high

    def slots(self, issue: Issue) -> int:
        """Of each pixel a comparison, a choice and two products; even and odd columns are taken apart in loading."""
        return 4 * PIXELS * issue.integer

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return self.add_to_all(ctx, channels, [None] * len(channels))

    def add_to_all(self, ctx: Context, channels: list[TirExpr], totals: list[TirExpr | None]) -> list[TirExpr]:
        """The four pixels of some channels on top of `totals`; the channels side by side, which hides latency."""
        pixels = [self.pixels(ctx, o) for o in channels]
        slopes = [[constant(ctx, self, n, getattr(self, n), o) for n in ("negative", "positive")] for o in channels]
        s = ctx.simd
        for i in range(PIXELS):
            for c, (x, pair) in enumerate(zip(pixels, slopes, strict=True)):
                slope = ctx.bind(s.select(x[i] < s.const(0, "int8"), *pair))
                totals[c] = multiply_add(ctx, totals[c], x[i], slope)
        return [t for t in totals if t is not None]

    def pixels(self, ctx: Context, o: TirExpr) -> list[TirExpr]:
        """The four pixels: even and odd columns of both rows."""
        s, rows = ctx.simd, ctx.rows(self.operands()[0])
        at = self.buffer.layout.at(self.buffer, o + self.offset, ctx.column * 2)
        if s.lanes == 1:
            return [ctx.bind(row[at + i]) for row in rows for i in (0, 1)]
        both = [ctx.bind(s.twice.load(row, at)) for row in rows]
        return [ctx.bind(s.shuffle([v], range(first, 2 * s.lanes, 2))) for v in both for first in (0, 1)]
