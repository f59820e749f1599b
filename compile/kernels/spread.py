# SPDX-License-Identifier: Apache-2.0
"""Spread: a map of one channel, row or column beside larger ones; what it has one of is the same for all of them.

A gate [C, 1, 1] is one number a channel, an attention map [1, H, W] one plane for all channels: ONNX's broadcasting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class Spread(Leaf):
    """The map, from channel `offset` on where it has more than one; each side of 1 is as long as is wanted."""

    buffer: Buffer
    offset: int = 0

    leads: ClassVar[int | None] = 50
    is_square = True
    is_never_negative_zero = False
    work = Work()

    @property
    def bounds_columns(self) -> bool:
        """One column is read as such, and none beside it."""
        return self.buffer.width > 1

    def operands(self) -> tuple[Operand, ...]:
        """Row y, or the only one."""
        return (Operand(self.buffer, mul=0 if self.buffer.height == 1 else 1),)

    def slice(self, start: int, stop: int) -> Spread:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, height, width], cropped where the map is larger."""
        x = inputs.stored[self.buffer.name][:, : inputs.height, : inputs.width]
        if self.buffer.channels > 1:
            x = x[self.offset : self.offset + self.channels]
        return np.broadcast_to(x, (self.channels, inputs.height, inputs.width))

    def identity(self) -> Expr | None:
        """Itself: the map that it reads is made zero instead."""
        return self

    def slots(self, issue: Issue) -> int:
        """A load gives a number in every lane."""
        return 0

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """A vector, or one number in every lane."""
        (row,) = ctx.rows(self.operands()[0])
        planes = [o + self.offset if self.buffer.channels > 1 else 0 for o in channels]
        if self.buffer.width > 1:
            return [ctx.load(row, self.buffer, plane, ctx.column) for plane in planes]
        return [ctx.simd.splat(ctx.bind(row[self.buffer.layout.at(self.buffer, plane, 0)])) for plane in planes]
