# SPDX-License-Identifier: Apache-2.0
"""Slope times value plus something is one instruction: TwoSlope and what is added to it become TwoSlopeAdd, and a
BatchNorm of an accumulator and a residual ScaleShiftAdd.

two_slope(x; p, n) + y      =  two_slope_add(x, y; p, n)
s*two_slope(x; p, n) + b    =  two_slope_add(x, b; s*p, s*n)
(s*dot + b) + y             =  s*dot + (y + b)
"""

from __future__ import annotations

from ..ir.expressions import Expr
from ..ir.stages import Program
from ..kernels import Add, BinaryDot, Constant, ScaleShift, ScaleShiftAdd, TwoSlope, TwoSlopeAdd
from .rewriting import rewrite_program


def fuse_multiply_add(program: Program) -> Program:
    """Fuse every multiply-add."""
    rewrite_program(program, "fuse_multiply_add", fuse)
    return program


def fuse(e: Expr) -> Expr:
    """One node, its parts done already."""
    match e:
        case Add(a=TwoSlope() as x, b=y) | Add(a=y, b=TwoSlope() as x):
            return TwoSlopeAdd(e.channels, x.x, y, x.positive, x.negative)
        case Add(a=ScaleShift(x=BinaryDot()) as x, b=y) | Add(a=y, b=ScaleShift(x=BinaryDot()) as x):
            return ScaleShiftAdd(e.channels, x.x, y, x.scale, x.shift)
        case ScaleShift(x=TwoSlope() as x):
            shift = Constant(e.channels, e.shift)
            return TwoSlopeAdd(e.channels, x.x, shift, e.scale * x.positive, e.scale * x.negative)
    return e
