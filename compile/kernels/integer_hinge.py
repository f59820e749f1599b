# SPDX-License-Identifier: Apache-2.0
"""IntegerHinge: a line with one bend of an int8 value, per channel (com.biisnet::IntegerHinge)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Inputs, each, kind
from .context import Context
from .integer_sum import I64, Bent, Extent, constant, multiply_add


@kind
@dataclass(frozen=True, eq=False)
class IntegerHinge(Bent):
    """slope*x + bend*max(x, knee); x int8, the constants int8 [C]."""

    slope: npt.NDArray[np.int8]
    bend: npt.NDArray[np.int8]
    knee: npt.NDArray[np.int8]

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int32."""
        x = inputs.parts[0].astype(np.int32)
        slope, bend, knee = (each(a).astype(np.int32) for a in (self.slope, self.bend, self.knee))
        return slope * x + bend * np.maximum(x, knee)

    def extent(self, *parts: Extent) -> Extent:
        """Of all x of the part's extent: at its ends, or at the knee."""
        low, high = parts[0]
        slope, bend, knee = (a.astype(np.int64) for a in (self.slope, self.bend, self.knee))
        x = np.stack([low, high, np.clip(knee, low, high)])
        ends = slope * x + bend * np.maximum(x, knee)
        return ends.min(0), ends.max(0)

    def slots(self, issue: Issue) -> int:
        """A maximum and four products, two for each half of the lanes."""
        return 5 * issue.integer

    def line(self) -> tuple[I64, I64, I64]:
        return self.slope.astype(np.int64), self.bend.astype(np.int64), self.knee.astype(np.int64)

    def add_products(self, ctx: Context, o: TirExpr, total: TirExpr | None, x: TirExpr) -> TirExpr:
        slope, bend, knee = (constant(ctx, self, name, getattr(self, name), o) for name in ("slope", "bend", "knee"))
        return multiply_add(ctx, multiply_add(ctx, total, x, slope), ctx.bind(tirx.max(x, knee)), bend)
