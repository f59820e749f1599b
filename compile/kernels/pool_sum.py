# SPDX-License-Identifier: Apache-2.0
"""PoolSum: sum of 2x2 pixels, stride 2 (DownSample's first half; the quarter goes into what follows)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Inputs, Leaf, Work, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class PoolSum(Leaf):
    """Sum of 2x2 pixels with stride 2, from channel `offset` on; an odd last row or column is dropped."""

    buffer: Buffer
    offset: int = 0

    leads: ClassVar[int | None] = 30
    is_square = True
    is_never_negative_zero = False
    work = Work()

    def operands(self) -> tuple[Operand, ...]:
        """Rows 2y and 2y+1."""
        return (Operand(self.buffer, mul=2, count=2),)

    def slice(self, start: int, stop: int) -> PoolSum:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, H // 2, W // 2]."""
        x = inputs.stored[self.buffer.name][self.offset : self.offset + self.channels]
        h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
        rows = x[:, 0:h:2] + x[:, 1:h:2]
        return np.asarray(rows[:, :, 0:w:2] + rows[:, :, 1:w:2])

    def identity(self) -> PoolSum:
        """Itself: the map that it reads is made zero instead."""
        return self

    def slots(self, issue: Issue) -> int:
        """Rows are added, even and odd columns taken apart and added."""
        return 2 * issue.words * (issue.float + issue.interleave) + issue.words * issue.float

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return [self.emit_channel(ctx, o) for o in channels]

    def emit_channel(self, ctx: Context, o: TirExpr) -> TirExpr:
        """Add the rows, then the even and the odd columns."""
        s, (upper, lower) = ctx.simd, ctx.rows(self.operands()[0])
        at = self.buffer.layout.at(self.buffer, o + self.offset, ctx.column * 2)
        if s.lanes == 1:
            return (upper[at] + lower[at]) + (upper[at + 1] + lower[at + 1])
        halves = [ctx.bind(s.load(upper, at + i) + s.load(lower, at + i)) for i in (0, s.lanes)]
        even, odd = (s.shuffle(halves, range(first, 2 * s.lanes, 2)) for first in (0, 1))
        return even + odd
