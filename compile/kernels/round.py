# SPDX-License-Identifier: Apache-2.0
"""Round: to the nearest whole number, a half to the even one.

|x| + 2**23 has no fraction left, rounded so by the sum itself; then 2**23 is taken off, and the sign put back
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, Pointwise, kind
from .context import Context

WHOLE = 2.0**23
"""A float32 of this size or larger is a whole number."""
SIGN = -(1 << 31)
"""Its bit in an int32."""


@kind
@dataclass(frozen=True, eq=False)
class Round(Pointwise):
    """The nearest whole number; of -0.4 it is -0."""

    x: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        return np.round(x)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The result's own size: where x is within its error of a half, one whole number may come out for another,
        which no bound of a sum forgives."""
        return np.maximum(magnitudes.parts[0], np.abs(np.round(value(self.x))))

    def identity(self) -> Expr | None:
        return None

    def slots(self, issue: Issue) -> int:
        """Two sums, a comparison and a selection, two bit operations."""
        return issue.words * (3 * issue.float + 3 * issue.integer)

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """NaN and infinities fail the comparison, and stay. As a sum TVM would take 2**23 off before it is added."""
        (x,), s = parts, ctx.simd
        whole = s.const(WHOLE, "float32")
        bits = ctx.bind(s.reinterpret(x, "int32"))
        sign = ctx.bind(tirx.bitwise_and(bits, s.const(SIGN, "int32")))
        size = ctx.bind(s.reinterpret(tirx.bitwise_xor(bits, sign), "float32"))
        rounded = s.select(size < whole, ctx.bind(ctx.bind(s.fma(size, s.const(1.0, "float32"), whole)) - whole), size)
        return s.reinterpret(tirx.bitwise_or(s.reinterpret(rounded, "int32"), sign), "float32")
