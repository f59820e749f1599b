"""Within a stage, a scale_shift of a sum with a leaky goes into the sum's parts, where the leaky takes it for nothing.

    s*(leaky(t; p, n) + y) + h        =  leaky(t; s*p, s*n) + (s*y + h)
    s*(k*leaky(t; p, n) + b + y) + h  =  leaky(t; s*k*p, s*k*n) + (s*y + h + s*b)

ReDistribution (11) after a Binary Convolution Layer (9) becomes this; what is left of it is a scale_shift of the
residual, which the stage that stores the residual can do (store_scaled). Averages go the same way.
"""

from __future__ import annotations

import numpy as np

from ..program import F32, Add, Expr, Leaky, Program, ScaleShift
from ..rewriting import rewrite_program

F64 = np.float64


def distribute_scale(program: Program) -> Program:
    """Distribute every scale_shift of a sum one part of which is a leaky."""
    rewrite_program(program, distribute)
    return program


def distribute(e: Expr) -> Expr:
    """One node, its parts done already."""
    match e:
        case ScaleShift(x=Leaky() as x) if not e.shift.any():
            return scaled_leaky(x, e.scale)
        case ScaleShift(x=Add(a=a, b=b)) if is_leaky(a) or is_leaky(b):
            (first, offset), rest = (split(a), b) if is_leaky(a) else (split(b), a)
            shift = (e.shift + e.scale.astype(F64) * offset).astype(np.float32)
            return Add(e.channels, scaled_leaky(first, e.scale), distribute(merged(rest, e.scale, shift)))
    return e


def is_leaky(e: Expr) -> bool:
    """Leaky, or a scale_shift of it."""
    return isinstance(e, Leaky) or (isinstance(e, ScaleShift) and isinstance(e.x, Leaky))


def split(e: Expr) -> tuple[Leaky, F32]:
    """A (scaled and shifted) leaky as a leaky, and what is added to it."""
    if isinstance(e, ScaleShift):
        assert isinstance(e.x, Leaky)
        return scaled_leaky(e.x, e.scale), e.shift
    assert isinstance(e, Leaky)
    return e, np.zeros(e.channels, np.float32)


def scaled_leaky(e: Leaky, scale: F32) -> Leaky:
    """scale*leaky."""
    return Leaky(e.channels, e.x, scale * e.positive, scale * e.negative)


def merged(e: Expr, scale: F32, shift: F32) -> Expr:
    """scale*e + shift, as one scale_shift where e is one already."""
    if isinstance(e, ScaleShift):
        s, h = (a.astype(F64) for a in (e.scale, e.shift))
        return ScaleShift(e.channels, e.x, (scale * s).astype(np.float32), (scale * h + shift).astype(np.float32))
    return ScaleShift(e.channels, e, scale, shift)
