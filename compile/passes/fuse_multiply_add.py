"""Slope times value plus something is one instruction: Leaky and what is added to it become LeakyAdd.

leaky(x; p, n) + y      =  leaky_add(x, y; p, n)
s*leaky(x; p, n) + b    =  leaky_add(x, b; s*p, s*n)
"""

from __future__ import annotations

from ..program import Add, Constant, Expr, Leaky, LeakyAdd, Program, ScaleShift
from ..rewriting import rewrite_program


def fuse_multiply_add(program: Program) -> Program:
    """Fuse every multiply-add."""
    rewrite_program(program, fuse)
    return program


def fuse(e: Expr) -> Expr:
    """One node, its parts done already."""
    match e:
        case Add(a=Leaky() as x, b=y) | Add(a=y, b=Leaky() as x):
            return LeakyAdd(e.channels, x.x, y, x.positive, x.negative)
        case ScaleShift(x=Leaky() as x):
            shift = Constant(e.channels, e.shift)
            return LeakyAdd(e.channels, x.x, shift, e.scale * x.positive, e.scale * x.negative)
    return e
