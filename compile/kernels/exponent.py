# SPDX-License-Identifier: Apache-2.0
"""The exponential function in vector arithmetic, without a library call.

exp(t) = 2**n * exp(r),   t = n*ln(2) + r,  |r| <= ln(2)/2
"""

from __future__ import annotations

import math

from tvm import tirx
from tvm.ir import Expr as TirExpr

from .context import Context

LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
"""Their sum is ln(2); n times the first is exact."""
ROUND = 12582912.0  # 1.5 * 2**23: adding it rounds to an integer, which then stands in the low mantissa bits
EXP_TERMS = [1 / math.factorial(n) for n in range(7, -1, -1)]  # |r| <= ln(2)/2: the error is below 2**-26


def clamped(ctx: Context, t: TirExpr, lower: float, upper: float) -> TirExpr:
    """t between two numbers; NaN passes both comparisons unchanged."""
    s = ctx.simd
    low, high = s.const(lower, "float32"), s.const(upper, "float32")
    return ctx.bind(s.select(t > high, high, s.select(t < low, low, t)))


def split(ctx: Context, t: TirExpr) -> tuple[TirExpr, TirExpr]:
    """(what has n in its low bits, exp(r)); Taylor's polynomial."""
    s = ctx.simd

    def f32(value: float) -> TirExpr:
        return s.const(value, "float32")

    shifted = ctx.bind(s.fma(t, f32(1 / math.log(2)), f32(ROUND)))
    n = ctx.bind(shifted - f32(ROUND))
    r = ctx.bind(s.fma(n, f32(-LN2_LOW), s.fma(n, f32(-LN2_HIGH), t)))
    p = f32(EXP_TERMS[0])
    for term in EXP_TERMS[1:]:
        p = ctx.bind(s.fma(p, r, f32(term)))
    return shifted, p


def power_of_two(ctx: Context, n: TirExpr) -> TirExpr:
    """2**n as float32, of int32 lanes whose bits above the low ones are shifted out."""
    s = ctx.simd
    exponent = tirx.shift_left(n, s.const(23, "int32"))
    return s.reinterpret(exponent + s.const(127 << 23, "int32"), "float32")
