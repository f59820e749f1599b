# SPDX-License-Identifier: Apache-2.0
"""A scale_shift of a sum with a two_slope, in one stage, goes into the sum's parts; the two_slope takes it for nothing.

    s*(two_slope(t; p, n) + y) + h        =  two_slope(t; s*p, s*n) + (s*y + h)
    s*(k*two_slope(t; p, n) + b + y) + h  =  two_slope(t; s*k*p, s*k*n) + (s*y + h + s*b)

ReDistribution (11) after a Binary Convolution Layer (9) becomes this; what is left of it is a scale_shift of the
residual, which the stage that stores the residual can do (prescale_stored_maps). Averages go the same way.
"""

from __future__ import annotations

import numpy as np

from ..ir.buffers import F32
from ..ir.expressions import Expr
from ..ir.stages import Program
from ..kernels import Add, ScaleShift, TwoSlope
from .missed import Missed
from .rewriting import rewrite_program

F64 = np.float64


def distribute_scale(program: Program) -> Program:
    """Distribute every scale_shift of a sum one part of which is a two_slope."""
    rewrite_program(program, "distribute_scale", distribute)
    return program


def distribute(e: Expr) -> Expr | Missed:
    """One node, its parts done already."""
    match e:
        case ScaleShift(x=TwoSlope() as x) if not e.shift.any():
            return scaled_two_slope(x, e.scale)
        case ScaleShift(x=Add(a=a, b=b)) if is_two_slope(a) or is_two_slope(b):
            (first, offset), rest = (split(a), b) if is_two_slope(a) else (split(b), a)
            shift = (e.shift + e.scale.astype(F64) * offset).astype(np.float32)
            scaled = merged(rest, e.scale, shift)
            further = distribute(scaled)
            return Add(e.channels, scaled_two_slope(first, e.scale), scaled if isinstance(further, Missed) else further)
        case ScaleShift(x=TwoSlope()):
            return Missed("its two_slope is shifted, too, which a slope cannot take")
        case ScaleShift(x=Add()):
            return Missed("neither part of the sum that it scales is a two_slope")
    return e


def is_two_slope(e: Expr) -> bool:
    """TwoSlope, or a scale_shift of it."""
    return isinstance(e, TwoSlope) or (isinstance(e, ScaleShift) and isinstance(e.x, TwoSlope))


def split(e: Expr) -> tuple[TwoSlope, F32]:
    """A (scaled and shifted) two_slope as a two_slope, and what is added to it."""
    if isinstance(e, ScaleShift):
        assert isinstance(e.x, TwoSlope)
        return scaled_two_slope(e.x, e.scale), e.shift
    assert isinstance(e, TwoSlope)
    return e, np.zeros(e.channels, np.float32)


def scaled_two_slope(e: TwoSlope, scale: F32) -> TwoSlope:
    """scale*two_slope."""
    return TwoSlope(e.channels, e.x, scale * e.positive, scale * e.negative)


def merged(e: Expr, scale: F32, shift: F32) -> Expr:
    """scale*e + shift, as one scale_shift where e is one already."""
    if isinstance(e, ScaleShift):
        s, h = (a.astype(F64) for a in (e.scale, e.shift))
        return ScaleShift(e.channels, e.x, (scale * s).astype(np.float32), (scale * h + shift).astype(np.float32))
    return ScaleShift(e.channels, e, scale, shift)
