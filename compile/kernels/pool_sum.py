# SPDX-License-Identifier: Apache-2.0
"""PoolSum: sum of 2x2 pixels, stride 2 (DownSample's first half; the quarter goes into what follows).

Meaning (numpy), then TIR.
"""

from __future__ import annotations

from tvm.ir import Expr as TirExpr

from ..ir.buffers import F32, Operand
from ..ir.expressions import PoolSum
from .context import Context


def reference(e: PoolSum, x: F32) -> F32:
    """x [C, H, W] -> [channels, H // 2, W // 2]."""
    x = x[e.offset : e.offset + e.channels]
    h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    rows = x[:, 0:h:2] + x[:, 1:h:2]
    return rows[:, :, 0:w:2] + rows[:, :, 1:w:2]


def operand(e: PoolSum) -> Operand:
    """Rows 2y and 2y+1."""
    return Operand(e.buffer, mul=2, count=2)


def emit(e: PoolSum, ctx: Context, o: TirExpr) -> TirExpr:
    """Add the rows, then the even and the odd columns."""
    s, (upper, lower) = ctx.simd, ctx.rows(operand(e))
    at = (o + e.offset) * e.buffer.plane_stride + e.buffer.origin + ctx.column * 2
    if s.lanes == 1:
        return (upper[at] + lower[at]) + (upper[at + 1] + lower[at + 1])
    halves = [ctx.bind(s.load(upper, at + i) + s.load(lower, at + i)) for i in (0, s.lanes)]
    even, odd = (s.shuffle(halves, range(first, 2 * s.lanes, 2)) for first in (0, 1))
    return even + odd
