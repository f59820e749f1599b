# SPDX-License-Identifier: Apache-2.0
"""Load: the stored map itself; past its right and bottom border the border repeats.

Meaning (numpy), then TIR.
"""

from __future__ import annotations

import numpy as np
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ..ir.buffers import F32, Operand
from ..ir.expressions import Load
from .context import Context


def reference(e: Load, x: F32, height: int, width: int) -> F32:
    """x [C, H, W] -> [channels, height, width]: cropped, or extended by its last row and column."""
    rows, columns = (np.minimum(np.arange(n), size - 1) for n, size in ((height, x.shape[1]), (width, x.shape[2])))
    return x[e.offset : e.offset + e.channels][:, rows][:, :, columns]


def operand(e: Load) -> Operand:
    """Row y."""
    return Operand(e.buffer)


def emit(e: Load, ctx: Context, o: TirExpr) -> TirExpr:
    """One vector; a single pixel past the border reads the border."""
    (row,) = ctx.rows(operand(e))
    column = ctx.column
    if ctx.simd.lanes == 1:
        column = tirx.min(column, tirx.const(e.buffer.width - 1, "int32"))
    return ctx.load_columns(row, (o + e.offset) * e.buffer.plane_stride + e.buffer.origin + column)
