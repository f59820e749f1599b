# SPDX-License-Identifier: Apache-2.0
"""Upsample: twice the resolution, half-pixel centres (UpSample's first half).

    linear:  4*out[2i] = in[i-1] + 3*in[i],  4*out[2i+1] = 3*in[i] + in[i+1], in each direction, the border
             repeated; both together 16 times the value, a factor that goes into what follows
    nearest: out[2i] = out[2i+1] = in[i]

Meaning (numpy), then TIR.
"""

from __future__ import annotations

import numpy as np
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ..ir.buffers import F32, Operand
from ..ir.expressions import Upsample
from .context import Context
from .simd import Simd


def reference(e: Upsample, x: F32) -> F32:
    """x [C, H, W] -> [channels, 2H, 2W]; linear: 16 times the interpolated value."""
    x = x[e.offset : e.offset + e.channels]
    for axis in (1, 2):
        if e.mode == "nearest":
            x = x.repeat(2, axis)
            continue
        n = x.shape[axis]
        before, after = (x.take(np.clip(np.arange(n) + d, 0, n - 1), axis) for d in (-1, 1))
        three = x * x.dtype.type(3)
        pair = np.stack([before + three, three + after], axis + 1)
        x = pair.reshape([2 * n if i == axis else size for i, size in enumerate(x.shape)])
    return x


def near(e: Upsample) -> Operand:
    """Row y // 2."""
    return Operand(e.buffer, div=2)


def far(e: Upsample) -> Operand:
    """The row on the other side of the output row: y // 2 - 1, for odd y y // 2 + 1."""
    return Operand(e.buffer, add=-2, div=2, odd=2)


def operands(e: Upsample) -> tuple[Operand, ...]:
    """The rows that are blended."""
    return (near(e),) if e.mode == "nearest" else (near(e), far(e))


def emit(e: Upsample, ctx: Context, o: TirExpr) -> TirExpr:
    """Blend the rows at three neighbouring places, then those, and interleave even and odd columns where the stage does
    not compute in even columns first.

    The row or column of weight 1 is loaded afresh or computed last, so that each blend is one multiply-add.
    """
    half = Simd(max(ctx.simd.lanes // 2, 1))
    (near_row,) = ctx.rows(near(e))
    at = (o + e.offset) * e.buffer.plane_stride + e.buffer.origin + tirx.floordiv(ctx.column, 2)
    if e.mode == "nearest":
        x = ctx.bind(half.load(near_row, at))
        return x if ctx.simd.lanes == 1 else half.shuffle([x, x], [i // 2 for i in range(ctx.simd.lanes)])
    (far_row,) = ctx.rows(far(e))
    three = half.const(3.0, "float32")
    before, here, after = (
        ctx.bind(half.fma(half.load(near_row, at + d), three, half.load(far_row, at + d))) for d in (-1, 0, 1)
    )
    pair = [ctx.bind(half.fma(here, three, side)) for side in (before, after)]
    if ctx.simd.lanes == 1:
        return tirx.Select(tirx.floormod(ctx.column, 2) == 0, *pair)
    if ctx.even_first:
        return half.shuffle(pair, range(ctx.simd.lanes))
    return half.shuffle(pair, [i // 2 + half.lanes * (i % 2) for i in range(ctx.simd.lanes)])
