"""Upsample: twice the resolution, half-pixel centres (UpSample's first half).

    linear:  out[2i] = 0.25*in[i-1] + 0.75*in[i],  out[2i+1] = 0.75*in[i] + 0.25*in[i+1], in each direction,
             the border repeated (so its row or column weighs 1)
    nearest: out[2i] = out[2i+1] = in[i]

Meaning (numpy), then TIR.
"""

from __future__ import annotations

import numpy as np
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType

from ..program import F32, Operand, Upsample
from .context import Context
from .simd import Simd


def reference(e: Upsample, x: F32) -> F32:
    """x [C, H, W] -> [channels, 2H, 2W]."""
    x = x[e.offset : e.offset + e.channels]
    for axis in (1, 2):
        if e.mode == "nearest":
            x = x.repeat(2, axis)
            continue
        n = x.shape[axis]
        before, after = (x.take(np.clip(np.arange(n) + d, 0, n - 1), axis) for d in (-1, 1))
        quarter, rest = x.dtype.type(0.25), x.dtype.type(0.75)
        pair = np.stack([before * quarter + x * rest, x * rest + after * quarter], axis + 1)
        x = pair.reshape([2 * n if i == axis else size for i, size in enumerate(x.shape)])
    return x


def operand(e: Upsample) -> Operand:
    """linear: the two rows around y; nearest: row y // 2."""
    if e.mode == "nearest":
        return Operand(e.buffer, div=2)
    return Operand(e.buffer, add=-1, div=2, count=2)


def prepare(e: Upsample, ctx: Context) -> tuple[TirExpr, TirExpr]:
    """The weights of the upper and the lower row."""
    odd = ctx.bind(tirx.floormod(ctx.y, 2))
    upper = ctx.bind(tirx.Cast(PrimType("float32"), odd) * tirx.const(0.5, "float32") + tirx.const(0.25, "float32"))
    return upper, ctx.bind(tirx.const(1.0, "float32") - upper)


def emit(e: Upsample, ctx: Context, o: TirExpr) -> TirExpr:
    """Blend the rows at three neighbouring places, then blend those and interleave even and odd columns."""
    half = Simd(ctx.simd.lanes // 2)
    rows = ctx.rows(operand(e))
    at = (o + e.offset) * e.buffer.plane_stride + e.buffer.origin + tirx.floordiv(ctx.column, 2)
    if e.mode == "nearest":
        x = ctx.bind(half.load(rows[0], at))
        return half.shuffle([x], [i // 2 for i in range(ctx.simd.lanes)])
    upper, lower = (half.splat(weight) for weight in ctx.prepared(e))
    before, here, after = (
        ctx.bind(half.fma(half.load(rows[1], at + d), lower, half.load(rows[0], at + d) * upper)) for d in (-1, 0, 1)
    )
    quarter, centre = half.const(0.25, "float32"), ctx.bind(here * half.const(0.75, "float32"))
    pair = [ctx.bind(half.fma(side, quarter, centre)) for side in (before, after)]
    return half.shuffle(pair, [i // 2 + half.lanes * (i % 2) for i in range(ctx.simd.lanes)])
