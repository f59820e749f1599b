# SPDX-License-Identifier: Apache-2.0
"""Exp: the exponential function."""

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
from .exponent import clamped, power_of_two, split

LEAST, MOST = -104.0, 89.0
"""Arguments below and above which the result is 0 and infinite to float32."""


@kind
@dataclass(frozen=True, eq=False)
class Exp(Pointwise):
    """e to the x."""

    x: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(x.astype(np.float64)).astype(np.float32)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """An error of x is multiplied by the result."""
        return np.exp(value(self.x)) * (1 + magnitudes.parts[0])

    def identity(self) -> Expr | None:
        return None

    def slots(self, issue: Issue) -> int:
        """Range, polynomial and exponent."""
        return issue.words * (15 * issue.float + 7 * issue.integer)

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """2**n * exp(r) with x = n*ln(2) + r; by two powers, so that the result may overflow, or be denormal."""
        (x,), s = parts, ctx.simd
        shifted, p = split(ctx, clamped(ctx, x, LEAST, MOST))
        n = ctx.bind(s.reinterpret(shifted, "int32") - s.const(0x4B400000, "int32"))  # the bits of ROUND
        half = ctx.bind(tirx.shift_right(n, s.const(1, "int32")))
        return (p * power_of_two(ctx, half)) * power_of_two(ctx, n - half)
