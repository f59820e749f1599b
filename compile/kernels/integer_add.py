# SPDX-License-Identifier: Apache-2.0
"""IntegerAdd: the sum of two integer sums; it costs nothing, since each term is taken in as it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, kind
from .context import Context
from .integer_sum import I64, Exact, Extent, Summand


@kind
@dataclass(frozen=True, eq=False)
class IntegerAdd(Exact, Summand):
    """a + b, int16 that wraps."""

    a: Expr
    b: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int32."""
        a, b = inputs.parts
        return a + b

    def extent(self, *parts: Extent) -> Extent:
        (low_a, high_a), (low_b, high_b) = parts
        return low_a + low_b, high_a + high_b

    def slots(self, issue: Issue) -> int:
        return 0

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        a, b = parts
        return a + b

    def pair_excess(self) -> I64 | None:
        found = [part.pair_excess() if isinstance(part, Summand) else None for part in (self.a, self.b)]
        return None if found[0] is None or found[1] is None else found[0] + found[1]

    def add_to_all(self, ctx: Context, channels: list[TirExpr], totals: list[TirExpr | None]) -> list[TirExpr]:
        """One part after the other."""
        for part in (self.a, self.b):
            if isinstance(part, Summand):
                totals = [*part.add_to_all(ctx, channels, totals)]
            else:
                values = ctx.emit(part, channels)
                totals = [v if t is None else ctx.bind(t + v) for t, v in zip(totals, values, strict=True)]
        return [t for t in totals if t is not None]
