# SPDX-License-Identifier: Apache-2.0
"""Sigmoid: the logistic function."""

from __future__ import annotations

import math
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

LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
ROUND = 12582912.0  # 1.5 * 2**23: adding it rounds to an integer, which then stands in the low mantissa bits
EXP_TERMS = [1 / math.factorial(n) for n in range(7, -1, -1)]  # |r| <= ln(2)/2: the error is below 2**-26


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
        """1 / (1 + 2**n * exp(r)) with -x = n*ln(2) + r; Taylor's polynomial for exp(r), no library call."""
        (x,) = parts
        s = ctx.simd

        def f32(value: float) -> TirExpr:
            return s.const(value, "float32")

        t = ctx.bind(f32(0.0) - x)
        # beyond these bounds the result is 0 or 1 to float32; NaN passes both comparisons unchanged
        t = ctx.bind(s.select(t > f32(87.0), f32(87.0), s.select(t < f32(-87.0), f32(-87.0), t)))
        shifted = ctx.bind(s.fma(t, f32(1 / math.log(2)), f32(ROUND)))
        n = ctx.bind(shifted - f32(ROUND))
        r = ctx.bind(s.fma(n, f32(-LN2_LOW), s.fma(n, f32(-LN2_HIGH), t)))
        p = f32(EXP_TERMS[0])
        for term in EXP_TERMS[1:]:
            p = ctx.bind(s.fma(p, r, f32(term)))
        # the low bits of `shifted` are n, and what stands above them is shifted out: this is 2**n's bit pattern
        exponent = tirx.shift_left(s.reinterpret(shifted, "int32"), s.const(23, "int32"))
        power = s.reinterpret(exponent + s.const(127 << 23, "int32"), "float32")
        return f32(1.0) / (f32(1.0) + p * power)
