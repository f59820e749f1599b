# SPDX-License-Identifier: Apache-2.0
"""Sigmoid: the logistic function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, Pointwise, kind
from .context import Context
from .exponent import clamped, power_of_two, split


@kind
@dataclass(frozen=True, eq=False)
class Sigmoid(Pointwise):
    """1 / (1 + exp(-x))."""

    x: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        with np.errstate(over="ignore"):
            return (1.0 / (1.0 + np.exp(-x.astype(np.float64)))).astype(np.float32)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.ones_like(magnitudes.parts[0])

    def identity(self) -> Expr | None:
        return None

    def slots(self, issue: Issue) -> int:
        """Range, polynomial, exponent and quotient."""
        return issue.words * (17 * issue.float + 4 * issue.integer)

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """1 / (1 + 2**n * exp(r)) with -x = n*ln(2) + r."""
        (x,) = parts
        s = ctx.simd

        def f32(value: float) -> TirExpr:
            return s.const(value, "float32")

        t = ctx.bind(f32(0.0) - x)
        # beyond these bounds the result is 0 or 1 to float32
        shifted, p = split(ctx, clamped(ctx, t, -87.0, 87.0))
        power = power_of_two(ctx, s.reinterpret(shifted, "int32"))
        return f32(1.0) / (f32(1.0) + p * power)
