# SPDX-License-Identifier: Apache-2.0
"""Load: the stored map itself; past its right and bottom border the border repeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class Load(Leaf):
    """The map from channel `offset` on; columns and rows past its border repeat the border."""

    buffer: Buffer
    offset: int = 0

    takes_channels: ClassVar[bool] = True
    leads: ClassVar[int | None] = 40
    lane_order = "any"
    is_square = True
    is_never_negative_zero = False
    repeats_border = True
    work = Work()

    def operands(self) -> tuple[Operand, ...]:
        """Row y."""
        return (Operand(self.buffer),)

    def slice(self, start: int, stop: int) -> Load:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """Cropped, or extended by the last row and column."""
        x = inputs.stored[self.buffer.name]
        rows, columns = (
            np.minimum(np.arange(n), size - 1)
            for n, size in zip((inputs.height, inputs.width), x.shape[1:], strict=True)
        )
        return x[self.offset : self.offset + self.channels][:, rows][:, :, columns]

    def identity(self) -> Expr | None:
        """Itself: the map that it reads is made zero instead."""
        return self

    def slots(self, issue: Issue) -> int:
        return 0

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """One vector; a single pixel past the border reads the border."""
        (row,) = ctx.rows(Operand(self.buffer))
        column = ctx.column
        if ctx.simd.lanes == 1:
            column = tirx.min(column, tirx.const(self.buffer.width - 1, "int32"))
        return [ctx.load(row, self.buffer, o + self.offset, column) for o in channels]
