# SPDX-License-Identifier: Apache-2.0
"""IntegerTwoSlope: a slope for either sign of an int8 map, per channel (com.biisnet::IntegerTwoSlope)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Inputs, each, kind
from .context import Context
from .integer_sum import I64, Bent, Extent, constant, multiply_add, slopes_extent


@kind
@dataclass(frozen=True, eq=False)
class IntegerTwoSlope(Bent):
    """negative*x where x < 0, else positive*x; x int8, the slopes int8 [C]."""

    negative: npt.NDArray[np.int8]
    positive: npt.NDArray[np.int8]

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int32."""
        x = inputs.parts[0].astype(np.int32)
        return np.where(x < 0, each(self.negative).astype(np.int32), each(self.positive).astype(np.int32)) * x

    def extent(self, *parts: Extent) -> Extent:
        """Of all x of the part's extent."""
        return slopes_extent(self.negative, self.positive, *parts[0])

    def slots(self, issue: Issue) -> int:
        """A comparison, a choice and two products."""
        return 4 * issue.integer

    def line(self) -> tuple[I64, I64, I64]:
        """Of `negative`, with a bend at 0."""
        negative = self.negative.astype(np.int64)
        return negative, self.positive - negative, np.zeros_like(negative)

    def add_products(self, ctx: Context, o: TirExpr, total: TirExpr | None, x: TirExpr) -> TirExpr:
        """The slope is chosen, not added up of two products: one of the A72's two pipes multiplies."""
        s = ctx.simd
        slopes = (constant(ctx, self, name, getattr(self, name), o) for name in ("negative", "positive"))
        return multiply_add(ctx, total, x, ctx.bind(s.select(x < s.const(0, "int8"), *slopes)))
