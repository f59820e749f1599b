# SPDX-License-Identifier: Apache-2.0
"""MaxPool: the largest pixel of a window, of any size and strides.

Padding counts for nothing. The border is repeated instead: wherever a window reaches past it, its own pixels at the
border are in the window anyway, so that the maximum stays what it is. (Zeros would be larger than a negative pixel.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind
from ..ir.window import Window
from .context import Context
from .taps import window_operand, windows


@kind
@dataclass(frozen=True, eq=False)
class MaxPool(Leaf):
    """The largest pixel of each window, from channel `offset` on; NaN where one of them is NaN."""

    buffer: Buffer
    window: Window
    offset: int = 0

    leads: ClassVar[int | None] = 25
    is_never_negative_zero = False
    work = Work()

    def __post_init__(self) -> None:
        """Refuse windows that a repeated border would add a pixel to."""
        (kh, kw), (top, left, bottom, right) = self.window.kernel, self.window.pads
        if max(top, bottom) >= kh or max(left, right) >= kw or self.window.dilations != (1, 1):
            raise ValueError(f"{self.window}: a window of it may lie outside of the map, or step over its border")

    @property
    def is_square(self) -> bool:
        return self.window.is_square

    def operands(self) -> tuple[Operand, ...]:
        """The window's rows; a row outside is the nearest."""
        return (replace(window_operand(self.buffer, self.window), edge="clamp"),)

    def slice(self, start: int, stop: int) -> MaxPool:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, H', W'], padded with what is below every number."""
        x = inputs.stored[self.buffer.name][self.offset : self.offset + self.channels]
        return np.asarray(windows(x, self.window, -np.inf).max(axis=(1, 2)))

    def identity(self) -> Expr | None:
        """Itself: the map that it reads is made zero instead, and the largest of zeros is zero."""
        return self

    def slots(self, issue: Issue) -> int:
        """Rows are compared, of each column once; columns taken apart where there is a stride, and compared."""
        (kh, kw), stride = self.window.kernel, self.window.strides[1]
        columns = min(stride, kw)
        comparisons = columns * (kh - 1) + kw - 1
        return issue.words * (comparisons * issue.float + (columns * issue.interleave if stride > 1 else 0))

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return [self.emit_channel(ctx, o) for o in channels]

    def emit_channel(self, ctx: Context, o: TirExpr) -> TirExpr:
        """Compare the rows, take the columns of each place in the window out of that, and compare those.

        Columns that are a stride apart are of one place of neighbouring windows, so whole vectors are compared.
        """
        s, (operand,) = ctx.simd, self.operands()
        rows, kw, stride = ctx.rows(operand), self.window.kernel[1], self.window.strides[1]

        def highest(start: TirExpr | int) -> TirExpr:
            """The largest of each column from `start` on."""
            return ctx.bind(reduce(s.maximum, (s.load(row, start) for row in rows)))

        columns: list[TirExpr] = []
        for first in range(0, kw, stride):
            at = self.buffer.layout.at(self.buffer, o + self.offset, ctx.column * stride, first - self.window.pads[1])
            places = range(min(stride, kw - first))
            if stride == 1 or s.lanes == 1:
                columns += [highest(at + i) for i in places]
                continue
            vectors = [highest(at + i * s.lanes) for i in range(stride)]
            columns += [ctx.bind(s.shuffle(vectors, range(i, stride * s.lanes, stride))) for i in places]
        return reduce(s.maximum, columns)
