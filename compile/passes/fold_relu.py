# SPDX-License-Identifier: Apache-2.0
"""ReLU is one bound; where lanes are channels, a count is clamped as the integer that it is.

two_slope_add(dot, y; p, 0)   =  p*max(dot, 0) + y
y + (p*max(dot, 0) + b)       =  p*max(dot, 0) + (y + b)
two_slope(x; 1, 0)            =  clamp(x; 0, inf)
two_slope_add(x, y; 1, 0)     =  clamp(x; 0, inf) + y

A count is finite, so that no product of 0 is anything else; of another value 0 times -inf would be NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np

from ..ir.expressions import Expr
from ..ir.stages import Program
from ..kernels import Add, ChannelDot, Clamp, Constant, ScaleShift, ScaleShiftAdd, TwoSlope, TwoSlopeAdd
from ..kernels.row_kernel import has_channel_lanes
from .rewriting import rewrite


def fold_relu(program: Program) -> Program:
    """Clamp counts that nothing else is made of, and other values."""
    for stage in program.stages:
        nodes = list(stage.expressions())
        parts = (part for e in nodes for part in e.children())
        uses = Counter(map(id, chain(parts, *(dict.fromkeys(branches) for branches in stage.results))))
        done: dict[int, Expr] = {}
        fold = partial(fold_one, uses=uses) if has_channel_lanes(stage) else fold_value
        stage.results = [tuple(rewrite(e, fold, done) for e in branches) for branches in stage.results]
    return program


def fold_one(e: Expr, uses: Mapping[int, int]) -> Expr:
    """One node, its parts done already; `uses` are those of leaves by their ids."""
    match e:
        case TwoSlopeAdd(x=ChannelDot() as x, y=y) if is_relu(x, e) and uses[id(x)] == 1:
            return ScaleShiftAdd(e.channels, clamped(x), y, e.positive, np.zeros_like(e.positive))
        case TwoSlope(x=ChannelDot() as x) if is_relu(x, e) and uses[id(x)] == 1:
            return ScaleShift(e.channels, clamped(x), e.positive, np.zeros_like(e.positive))
        case (
            Add(a=ScaleShiftAdd(x=ChannelDot(), y=Constant(values=values)) as x, b=y)
            | Add(a=y, b=ScaleShiftAdd(x=ChannelDot(), y=Constant(values=values)) as x)
        ):
            return replace(x, y=y, shift=x.shift + values)
    return fold_value(e)


def fold_value(e: Expr) -> Expr:
    """A value that is no count, or one of lanes of pixels."""
    if not isinstance(e, TwoSlope | TwoSlopeAdd) or (e.positive != 1).any() or e.negative.any():
        return e
    above = Clamp(e.channels, e.x, np.zeros_like(e.negative), np.full_like(e.positive, np.inf))
    return Add(e.channels, above, e.y) if isinstance(e, TwoSlopeAdd) else above


def is_relu(dot: ChannelDot, slopes: TwoSlope | TwoSlopeAdd) -> bool:
    """Whether nothing is left of a count below zero, which is stored with nothing added to it."""
    return dot.centre == 0 and dot.least is None and not slopes.negative.any()


def clamped(dot: ChannelDot) -> ChannelDot:
    """max(dot, 0)."""
    return replace(dot, least=np.zeros(dot.channels, np.int16))
