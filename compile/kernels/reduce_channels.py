# SPDX-License-Identifier: Apache-2.0
"""ReduceChannels: the sum or the largest of all channels at each pixel, as a softmax and a layer's norm need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind, not_sliceable
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class ReduceChannels(Leaf):
    """One channel: the sum or the maximum of the map's."""

    buffer: Buffer
    of: Literal["sum", "max"]

    leads: ClassVar[int | None] = 15
    is_square = True
    is_never_negative_zero = False
    work = Work()

    def operands(self) -> tuple[Operand, ...]:
        """Row y."""
        return (Operand(self.buffer),)

    def slice(self, start: int, stop: int) -> Expr:
        raise not_sliceable(self)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[1, H, W]; the sum in float64."""
        x = inputs.stored[self.buffer.name]
        if self.of == "max":
            return x.max(axis=0, keepdims=True)
        return x.sum(axis=0, dtype=np.float64, keepdims=True).astype(np.float32)

    def identity(self) -> Expr | None:
        """Itself: the map that it reads is made zero instead."""
        return self

    def slots(self, issue: Issue) -> int:
        """An addition or a comparison a channel."""
        return issue.words * issue.float * (self.buffer.channels - 1)

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """A loop over the map's channels."""
        s, (row,) = ctx.simd, ctx.rows(self.operands()[0])
        kept = T.alloc_buffer((s.lanes,), "float32", scope="local")
        s.store(kept, ctx.load(row, self.buffer, 0, ctx.column), 0)
        with T.serial(0, self.buffer.channels - 1) as turn:
            x, total = ctx.load(row, self.buffer, turn + 1, ctx.column), s.load(kept, 0)
            s.store(kept, total + x if self.of == "sum" else s.maximum(total, x), 0)
        return [ctx.bind(s.load(kept, 0))] * len(channels)
