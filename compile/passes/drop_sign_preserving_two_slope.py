# SPDX-License-Identifier: Apache-2.0
"""The sign of two_slope(x; p, n) with p, n > 0 is the sign of x: bits are packed without computing the two_slope.

Right for 0, -0.0 and NaN too. (A product of numbers so small that it underflows to -0.0 would count as +1.)
"""

from __future__ import annotations

from ..ir.expressions import Expr
from ..ir.stages import Program
from ..kernels import TwoSlope
from ..storage import Bits


def drop_sign_preserving_two_slope(program: Program) -> Program:
    """Replace what packed outputs with threshold 0 take the sign of."""
    missed = program.missed.setdefault("drop_sign_preserving_two_slope", {})
    for stage in program.stages:
        for n, buffer in enumerate(stage.outputs):
            if not isinstance(buffer.encoding, Bits):
                continue
            if not buffer.encoding.threshold.any():
                stage.results[n] = tuple(same_sign(e) for e in stage.results[n])
            if any(isinstance(e, TwoSlope) for e in stage.results[n]):
                why = "a threshold is not 0" if buffer.encoding.threshold.any() else "a slope is not positive"
                missed[stage.name] = f"its bits are those of a two_slope: {why}"
    return program


def same_sign(e: Expr) -> Expr:
    """The simplest expression of the same sign."""
    while isinstance(e, TwoSlope) and (e.positive > 0).all() and (e.negative > 0).all():
        e = e.x
    return e
