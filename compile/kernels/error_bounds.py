# SPDX-License-Identifier: Apache-2.0
"""How large the numbers are that a stage adds up: what its rounding errors are relative to.

|s*x + h| <= |s|*|x| + |h|,  |two_slope(x)| <= max(|p|, |n|)*|x|,  and so on: no cancellation is counted on, but for the
centre of an accumulator, which comes and goes within a bend
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..ir.buffers import F32
from ..ir.expressions import (
    Add,
    BinaryDot,
    Clamp,
    Constant,
    Convolution,
    Expr,
    HingeAdd,
    ScaleShift,
    Sigmoid,
    TwoSlope,
    TwoSlopeAdd,
)
from ..ir.stages import Stage
from .reference import evaluate, evaluate_one

Array = npt.NDArray
CENTRE = 1 / 32
"""Of a tolerance of 1e-5, five times float32's rounding: a bend rounds what cancels at most so often."""


def error_bounds(stage: Stage, stored: dict[str, Array]) -> list[F32]:
    """For each output a bound [C, H, W] of what was summed, given what the buffers hold (as for `evaluate`)."""
    positive = {name: value if value.dtype == bool else np.abs(value) for name, value in stored.items()}
    known: dict[int, Array] = {}

    def bound(e: Expr) -> Array:
        if id(e) not in known:
            whole = (
                hinge_add_bound(e, stage, stored)
                if isinstance(e, HingeAdd)
                else bound_one(e, [bound(c) for c in e.children()], stage, positive)
            )
            known[id(e)] = whole[:, : stage.height, : stage.width]
        return known[id(e)]

    return [np.concatenate([bound(b) for b in branches]) for branches in stage.results]


def hinge_add_bound(e: HingeAdd, stage: Stage, stored: dict[str, Array]) -> Array:
    """|slope|*|d| + |bend|*max(|d|, |knee - c|) + |y + (slope + bend)*c|, with d = x - c the accumulator; and a small
    share of what is rounded although it cancels, (|slope| + |bend|)*c, which in wide layers is far above d."""
    assert isinstance(e.x, BinaryDot)
    (y,) = evaluate(Stage.of(stage.name, stage.layers, (e.y,), stage.outputs[:1]), stored)
    slope, bend, knee = (a[:, None, None] for a in (e.slope, e.bend, e.knee))
    d = np.abs(evaluate_one(e.x, [], stage, stored)[:, : stage.height, : stage.width] - e.x.centre)
    bent = np.abs(slope) * d + np.abs(bend) * np.maximum(d, np.abs(knee - e.x.centre))
    cancelled = (np.abs(slope) + np.abs(bend)) * e.x.centre
    return bent + np.abs(y + (slope + bend) * e.x.centre) + CENTRE * cancelled


def bound_one(e: Expr, children: list[Array], stage: Stage, positive: dict[str, Array]) -> Array:
    """One node, its children's bounds given."""

    def channel(values: F32) -> F32:
        return np.abs(values)[:, None, None]

    match e:
        case ScaleShift():
            return channel(e.scale) * children[0] + channel(e.shift)
        case TwoSlope():
            return np.maximum(channel(e.positive), channel(e.negative)) * children[0]
        case Clamp():
            return np.maximum(children[0], np.maximum(channel(e.lower), channel(e.upper)))
        case TwoSlopeAdd():
            return np.maximum(channel(e.positive), channel(e.negative)) * children[0] + children[1]
        case Add():
            return children[0] + children[1]
        case Constant():
            return np.broadcast_to(channel(e.values), (e.channels, stage.height, stage.width))
        case Sigmoid():
            return np.ones_like(children[0])
        case Convolution():
            return evaluate_one(replace(e, weight=np.abs(e.weight), bias=np.abs(e.bias)), [], stage, positive)
        case BinaryDot():
            return np.abs(evaluate_one(e, [], stage, positive))
    return evaluate_one(e, children, stage, positive)
