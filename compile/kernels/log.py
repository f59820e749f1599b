# SPDX-License-Identifier: Apache-2.0
"""Log: the natural logarithm.

    log(x) = e*ln(2) + log(m),   x = 2**e * m,   sqrt(1/2) <= m < sqrt(2)

log(1 + r) by the polynomial of Cephes' logf (Moshier), whose error is below 2**-24.
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
from .exponent import LN2_HIGH, LN2_LOW

TERMS = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
ROOT = 0x3F3504F3
"""The bits of sqrt(1/2)."""
SMALLEST = float(np.finfo(np.float32).tiny)
"""Numbers below have no exponent of their own."""
LARGEST = float(np.finfo(np.float32).max)
LIFT = 23


@kind
@dataclass(frozen=True, eq=False)
class Log(Pointwise):
    """The natural logarithm: -inf of 0, NaN below."""

    x: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x.astype(np.float64)).astype(np.float32)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """An error of x is divided by x."""
        x = value(self.x)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.abs(np.log(x)) + magnitudes.parts[0] / np.abs(x)

    def identity(self) -> Expr | None:
        return None

    def slots(self, issue: Issue) -> int:
        """Exponent, polynomial and special values."""
        return issue.words * (17 * issue.float + 8 * issue.integer)

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """Exponent and mantissa from the bits, those of denormal numbers lifted first."""
        (x,), s = parts, ctx.simd

        def f32(value: float) -> TirExpr:
            return s.const(value, "float32")

        small = x < f32(SMALLEST)
        lifted = ctx.bind(s.select(small, x * f32(2.0**LIFT), x))
        bits = ctx.bind(s.reinterpret(lifted, "int32"))
        exponent = ctx.bind(tirx.shift_right(bits - s.const(ROOT, "int32"), s.const(23, "int32")))
        mantissa = s.reinterpret(bits - tirx.shift_left(exponent, s.const(23, "int32")), "float32")
        r = ctx.bind(mantissa - f32(1.0))
        e = ctx.bind(s.cast(exponent, "float32") - s.select(small, f32(float(LIFT)), f32(0.0)))
        p = f32(TERMS[0])
        for term in TERMS[1:]:
            p = ctx.bind(s.fma(p, r, f32(term)))
        square = ctx.bind(r * r)
        y = ctx.bind(s.fma(e, f32(LN2_LOW), p * r * square))
        y = ctx.bind(s.fma(square, f32(-0.5), y))
        finite = ctx.bind(s.fma(e, f32(LN2_HIGH), r + y))
        finite = s.select(x > f32(LARGEST), x, finite)
        # of what is neither above 0 nor 0: NaN as of what is below
        least = s.select(tirx.EQ(x, f32(0.0)), f32(float("-inf")), f32(float("nan")))
        return s.select(x > f32(0.0), finite, least)
