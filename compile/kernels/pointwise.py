# SPDX-License-Identifier: Apache-2.0
"""Element-wise work: ScaleShift, TwoSlope, Clamp, TwoSlopeAdd, HingeAdd, Add, and the logistic function.

Meaning (numpy), then TIR. RPReLU (10), ReDistribution (11), MaxOut, DB Conv (18) and BatchNorm all are
chains of ScaleShift and TwoSlope.
"""

from __future__ import annotations

import math

import numpy as np
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ..ir.buffers import F32
from ..ir.expressions import Add, Clamp, Constant, HingeAdd, ScaleShift, Sigmoid, TwoSlope, TwoSlopeAdd
from .context import Context


def scale_shift_reference(e: ScaleShift, x: F32) -> F32:
    """scale*x + shift in float32: x [C, H, W]."""
    return x * e.scale[:, None, None] + e.shift[:, None, None]


def emit_scale_shift(e: ScaleShift, ctx: Context, o: TirExpr, x: TirExpr) -> TirExpr:
    """One fused multiply-add."""
    return ctx.simd.fma(x, ctx.per_channel(e, "scale", e.scale, o), ctx.addend(e, "shift", e.shift, o))


def two_slope_reference(e: TwoSlope, x: F32) -> F32:
    """positive*x where x >= 0, else (NaN too) negative*x."""
    return np.where(x >= 0, e.positive[:, None, None], e.negative[:, None, None]) * x


def slopes(e: TwoSlope | TwoSlopeAdd, ctx: Context, o: TirExpr, x: TirExpr, y: TirExpr | None) -> TirExpr:
    """positive*max(x, 0) + negative*min(x, 0) + y, of which one product is 0: right for any sign of the (finite)
    slopes, for infinities and NaN, and cheaper than to compare and choose a slope."""
    s = ctx.simd
    positive, negative = (ctx.per_channel(e, name, getattr(e, name), o) for name in ("positive", "negative"))
    below, above = s.clamp(x, tirx.min), s.clamp(x, tirx.max)
    return s.fma(positive, above, negative * below if y is None else s.fma(negative, below, y))


def emit_two_slope(e: TwoSlope, ctx: Context, o: TirExpr, x: TirExpr) -> TirExpr:
    """A product and a multiply-add."""
    return slopes(e, ctx, o, x, None)


def clamp_reference(e: Clamp, x: F32) -> F32:
    """x within its bounds; NaN stays."""
    return np.clip(x, e.lower[:, None, None], e.upper[:, None, None])


def emit_clamp(e: Clamp, ctx: Context, o: TirExpr, x: TirExpr) -> TirExpr:
    """Two comparisons, each false for NaN."""
    s = ctx.simd
    lower, upper = (ctx.per_channel(e, name, getattr(e, name), o) for name in ("lower", "upper"))
    return s.select(x > upper, upper, s.select(x < lower, lower, x))


def two_slope_add_reference(e: TwoSlopeAdd, x: F32, y: F32) -> F32:
    """TwoSlope of x, plus y."""
    return np.where(x >= 0, e.positive[:, None, None], e.negative[:, None, None]) * x + y


def emit_two_slope_add(e: TwoSlopeAdd, ctx: Context, o: TirExpr, x: TirExpr, y: TirExpr) -> TirExpr:
    """Two multiply-adds."""
    return slopes(e, ctx, o, x, y)


def hinge_add_reference(e: HingeAdd, x: F32, y: F32) -> F32:
    """slope*x + bend*max(x, knee) + y, computed in float64."""
    slope, bend, knee = (a[:, None, None].astype(np.float64) for a in (e.slope, e.bend, e.knee))
    return (bend * np.maximum(x, knee) + (slope * x + y)).astype(y.dtype)


def emit_hinge_add(e: HingeAdd, ctx: Context, o: TirExpr, x: TirExpr, y: TirExpr) -> TirExpr:
    """Two multiply-adds; x and knee are of one sign and so compared as integers, which costs half."""
    s = ctx.simd
    slope, bend, knee = (ctx.per_channel(e, name, getattr(e, name), o) for name in ("slope", "bend", "knee"))
    above = s.reinterpret(tirx.max(s.reinterpret(x, "int32"), s.reinterpret(knee, "int32")), "float32")
    return s.fma(bend, above, s.fma(slope, x, y))


def emit_constant(e: Constant, ctx: Context, o: TirExpr) -> TirExpr:
    """The channel's value."""
    return ctx.addend(e, "values", e.values, o)


def add_reference(e: Add, a: F32, b: F32) -> F32:
    """a + b."""
    return a + b


def emit_add(e: Add, ctx: Context, o: TirExpr, a: TirExpr, b: TirExpr) -> TirExpr:
    """One addition."""
    return a + b


def sigmoid_reference(e: Sigmoid, x: F32) -> F32:
    """The logistic function."""
    with np.errstate(over="ignore"):
        return (1.0 / (1.0 + np.exp(-x.astype(np.float64)))).astype(np.float32)


LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
ROUND = 12582912.0  # 1.5 * 2**23: adding it rounds to an integer, which then stands in the low mantissa bits
EXP_TERMS = [1 / math.factorial(n) for n in range(7, -1, -1)]  # |r| <= ln(2)/2: the error is below 2**-26


def emit_sigmoid(e: Sigmoid, ctx: Context, o: TirExpr, x: TirExpr) -> TirExpr:
    """1 / (1 + 2**n * exp(r)) with -x = n*ln(2) + r; Taylor's polynomial for exp(r), no library call."""
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
