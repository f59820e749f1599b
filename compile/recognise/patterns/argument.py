# SPDX-License-Identifier: Apache-2.0
"""Functions before a step that its threshold can take in, exactly but for what underflows (feeds.SMALL):

    x + c >= 0  =  x >= -c           float32's sum is 0 or above where the true sum is
    c x >= 0    =  x >= 0            c > 0, a quotient too; mirrored for c < 0
    f(x) >= t   =  x >= t            Relu for t > 0; Clip to [a, b] for a < t <= b
    f(x) >= 0   =  x >= 0            what keeps the sign: Tanh, Erf, Softsign, LeakyRelu

`> t` is `>=` the next number, so it is the same row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from ..ranges import range_of
from ..steps import DOMAIN, Steps, above, steps_node, steps_of
from ..values import Array, attribute, constant, per_channel, shape_of
from .base import Pattern

TINY = above(0)


class ArgumentOfSteps(Pattern):
    """Steps(f(x))."""

    op_types = ("Steps",)
    domains = (DOMAIN,)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Steps of x."""
        found = steps_of(node.outputs[0])
        if found is None or not found[1].count:
            return None
        value, steps = found
        maker = value.producer()
        take = None if maker is None or maker.domain else TAKES.get(maker.op_type)
        if maker is None or take is None:
            return None
        result = take(maker, steps)
        return None if result is None or result[0] is None else steps_node(op, result[0], result[1])


Taken = tuple[ir.Value | None, Steps] | None


def is_zero_or_tiny(t: Array) -> bool:
    """Whether all thresholds say >= 0 or > 0."""
    return bool(np.isin(t, [np.float32(0), TINY]).all())


def operands(node: ir.Node) -> tuple[ir.Value | None, Array, int] | None:
    """(x, constant a channel, place of the constant) of a node of two inputs."""
    for place in (0, 1):
        x = node.inputs[1 - place]
        k = per_channel(constant(node.inputs[place]), shape_of(x))
        if k is not None and constant(x) is None and shape_of(x) == shape_of(node.outputs[0]):
            return x, k.astype(np.float32), place
    return None


def take_sum(node: ir.Node, steps: Steps) -> Taken:
    """x + c or x - c."""
    found = operands(node)
    if found is None or not is_zero_or_tiny(steps.thresholds) or not np.isfinite(found[1]).all():
        return None
    x, c, place = found
    if node.op_type == "Sub" and place == 0:
        return None
    least = -c if node.op_type == "Add" else c
    least = least[None] + np.float32(0)
    return x, Steps(np.where(steps.thresholds == 0, least, above(least)), steps.levels)


def take_product(node: ir.Node, steps: Steps) -> Taken:
    """x c or x / c, all c of one sign."""
    found = operands(node)
    if found is None or not is_zero_or_tiny(steps.thresholds) or (node.op_type == "Div" and found[2] == 0):
        return None
    x, c, _ = found
    if not np.isfinite(c).all() or (np.abs(c) < 1e-30).any() or (np.abs(c) > 1e30).any():
        return None
    if (c > 0).all():
        return x, steps
    return take_negated(x, steps) if (c < 0).all() else None


def take_negated(x: ir.Value | None, steps: Steps) -> Taken:
    """-x >= 0 is not x > 0."""
    mirrored = np.where(steps.thresholds[::-1] == 0, TINY, np.float32(0))
    return x, Steps(np.ascontiguousarray(mirrored), np.ascontiguousarray(steps.levels[::-1]))


def take_clip(node: ir.Node, steps: Steps) -> Taken:
    """Clip(x, a, b), Relu(x)."""
    a, b = 0.0, np.inf
    if node.op_type == "Clip":
        bounds = [constant(i) for i in node.inputs[1:3]] + [None, None]
        if any(i is not None and constant(i) is None for i in node.inputs[1:]):
            return None
        a, b = (float(d) if v is None else float(v.item()) for v, d in zip(bounds, (-np.inf, np.inf), strict=False))
    inside = (steps.thresholds > a).all() and (steps.thresholds <= b).all()
    return (node.inputs[0], steps) if inside else None


def take_sign_keeping(node: ir.Node, steps: Steps) -> Taken:
    """Tanh and its kin."""
    keeps = node.op_type != "LeakyRelu" or attribute(node, "alpha", 0.01) > 1e-6
    return (node.inputs[0], steps) if keeps and is_zero_or_tiny(steps.thresholds) else None


TAKES: dict[str, Callable[[ir.Node, Steps], Taken]] = {
    "Add": take_sum,
    "Sub": take_sum,
    "Mul": take_product,
    "Div": take_product,
    "Neg": lambda node, steps: take_negated(node.inputs[0], steps) if is_zero_or_tiny(steps.thresholds) else None,
    "Relu": take_clip,
    "Clip": take_clip,
    **dict.fromkeys(("Tanh", "Erf", "Softsign", "LeakyRelu"), take_sign_keeping),
}


class OutOfRange(Pattern):
    """Steps at thresholds that every value is above of, or none: what the range of x excludes."""

    op_types = ("Steps",)
    domains = (DOMAIN,)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Fewer steps."""
        found = steps_of(node.outputs[0])
        if found is None:
            return None
        value, steps = found
        lo, hi = range_of(value)
        passed = (steps.thresholds <= lo).all(1)
        unreached = (steps.thresholds > hi).all(1)
        if not (passed.any() or unreached.any()) or (passed | unreached).all():
            return None
        keep = ~(passed | unreached)
        return steps_node(op, value, Steps(steps.thresholds[keep], steps.levels[passed.sum() :][: keep.sum() + 1]))
