# SPDX-License-Identifier: Apache-2.0
"""RPReLU (10) of a binary convolution is two multiply-adds of the integer accumulator, and no shift of its own.

With t = s*d + h of an accumulator d, and the centre c that is added to it, x = d + c:

    two_slope(t; p, n) + y  =  slope*x + bend*max(x, knee) + (y + shift),    knee = c - h/s

where, from two_slope's slopes below and above the knee (n and p; for s < 0 p and n),

    slope = s*below,  bend = s*above - s*below,  shift = two_slope(h; p, n) - slope*c - bend*max(c, knee)

(the shift makes both equal at d = 0; with rounded constants, too). It goes into what is added, which a stage before can
store so (prescale_stored_maps). Where the knee is outside of what x can be, one side alone is ever taken. An
accumulator that is only scaled keeps to d itself: a centre would cost precision and gain nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir.expressions import Expr
from ..ir.stages import Program
from ..kernels import Add, BinaryDot, Constant, HingeAdd, ScaleShift, TwoSlope
from .distribute_scale import merged
from .missed import Missed
from .rewriting import rewrite_program

LEAST_POWER = 8
"""The smallest k: an accumulator in halves of a binade of 2**k is widened and moved into place by one instruction."""


def fold_prelu_into_accumulator(program: Program) -> Program:
    """Make every two_slope of an accumulator a hinge."""
    centred: dict[int, BinaryDot] = {}

    def rewrite(e: Expr) -> Expr:
        match e:
            case Add(a=TwoSlope(x=ScaleShift(x=BinaryDot())) as first, b=rest):
                return bent(first, rest, centred)
            case Add(a=rest, b=TwoSlope(x=ScaleShift(x=BinaryDot())) as first):
                return bent(first, rest, centred)
        return e

    def rewrite_rest(e: Expr) -> Expr | Missed:
        match e:
            case TwoSlope(x=ScaleShift(x=BinaryDot(centre=0))):
                return bent(e, Constant(e.channels, np.zeros(e.channels, np.float32)), centred)
            case TwoSlope():
                return Missed("its two_slope's argument is no accumulator")
        return e

    # the larger pattern first
    rewrite_program(program, "fold_prelu_into_accumulator", rewrite, rewrite_rest)
    return program


def centre(dot: BinaryDot, centred: dict[int, BinaryDot]) -> BinaryDot:
    """The accumulator with its centre: half a binade holds the largest of either sign."""
    if id(dot) not in centred:
        k = max((dot.signs[0].size // dot.unit).bit_length() + 1, LEAST_POWER)
        centred[id(dot)] = replace(dot, centre=3 << (k - 1))
    return centred[id(dot)]


def bent(two_slope: TwoSlope, y: Expr, centred: dict[int, BinaryDot]) -> Expr:
    """two_slope(s*dot + h) + y."""
    affine = two_slope.x
    assert isinstance(affine, ScaleShift)
    assert isinstance(affine.x, BinaryDot)
    x = centre(affine.x, centred)
    s, h, p, n = (a.astype(np.float64) for a in (affine.scale, affine.shift, two_slope.positive, two_slope.negative))
    below, above = np.where(s < 0, p, n), np.where(s < 0, n, p)
    slope = (s * below).astype(np.float32)
    bend = (s * above - s * below).astype(np.float32) + np.float32(0)  # no -0.0
    lowest = np.float32(2 * x.centre // 3)
    crossing = x.centre - h / np.where(s == 0, 1, s)
    knee = np.clip(crossing, lowest, np.nextafter(2 * lowest, np.float32(0))).astype(np.float32)
    at_zero = np.where(h >= 0, p, n) * h
    shift = at_zero - slope.astype(np.float64) * x.centre - bend.astype(np.float64) * np.maximum(x.centre, knee)
    ones = np.ones(two_slope.channels, np.float32)
    return HingeAdd(two_slope.channels, x, merged(y, ones, shift.astype(np.float32)), slope, bend, knee)
