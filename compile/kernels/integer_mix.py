# SPDX-License-Identifier: Apache-2.0
"""IntegerMix: all channels of an int8 map, each through a slope for either sign, as one sum (the output layer).

It saturates to int16. Its two halves are summed apart, each of which never leaves int16 (the proof asks for both), and
then added saturating, which is the saturated sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Work, each, kind, not_sliceable
from ..ir.sums import halves
from .context import Context
from .integer_sum import ExactLeaf, Extent, constant, multiply_add, slopes_extent

WORD = np.iinfo(np.int16)


@kind
@dataclass(frozen=True, eq=False)
class IntegerMix(ExactLeaf):
    """saturate(bias + the sum over channels of x < 0 ? negative*x : positive*x), int16, one channel."""

    buffer: Buffer
    negative: npt.NDArray[np.int8]
    positive: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int16]

    leads: ClassVar[int | None] = 34
    is_square = True

    @property
    def work(self) -> Work:
        return Work(full=self.negative.size)

    @property
    def halves(self) -> tuple[range, range]:
        """The channels of the map in two halves."""
        return halves(self.buffer.channels)

    def operands(self) -> tuple[Operand, ...]:
        """Row y."""
        return (Operand(self.buffer),)

    def slice(self, start: int, stop: int) -> Expr:
        raise not_sliceable(self)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int16 [1, H, W]."""
        x = inputs.stored[self.buffer.name].astype(np.int32)
        total = (np.where(x < 0, each(self.negative).astype(np.int32), each(self.positive).astype(np.int32)) * x).sum(0)
        return np.clip(total + int(self.bias[0]), WORD.min, WORD.max).astype(np.int16)[None]

    def half_extents(self) -> list[tuple[int, int]]:
        """The least and the largest sum of each half, the bias in the first."""
        info = np.iinfo(np.int8)
        ends = (np.full(self.buffer.channels, v, np.int64) for v in (info.min, info.max))
        low, high = slopes_extent(self.negative, self.positive, *ends)
        biases = (int(self.bias[0]), 0)
        return [(int(low[h].sum()) + b, int(high[h].sum()) + b) for h, b in zip(self.halves, biases, strict=True)]

    def extent(self, *parts: Extent) -> Extent:
        """That of int16."""
        return np.full(1, WORD.min, np.int64), np.full(1, WORD.max, np.int64)

    def slots(self, issue: Issue) -> int:
        """Of each channel a comparison, a choice and two products."""
        return issue.integer * (4 * self.buffer.channels + 2)

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """One channel after the other, in two sums side by side."""
        s, (row,) = ctx.simd, ctx.rows(self.operands()[0])
        sums: list[TirExpr] = [ctx.bind(ctx.bias(self, self.bias, 0)), ctx.bind(s.const(0, "int16"))]
        for n in range(len(self.halves[1])):  # the longer one
            for h, half in enumerate(self.halves):
                if n < len(half):
                    x = ctx.bind(ctx.load(row, self.buffer, half[n], ctx.column))
                    slopes = (constant(ctx, self, k, getattr(self, k), half[n]) for k in ("negative", "positive"))
                    sums[h] = multiply_add(ctx, sums[h], x, ctx.bind(s.select(x < s.const(0, "int8"), *slopes)))
        return [s.add_saturating(sums[0], sums[1], "int16")]
