# SPDX-License-Identifier: Apache-2.0
"""Quantizers of few bits as step functions.

BipolarQuant(x, s)           -s below 0, s from 0 on
Quant(x, s, z, 1 or 2 bits)  (k - z) s, a step where the operator's own float32 arithmetic first gives k: found by
                             bisection, since it never falls with x
MultiThreshold(x, t)         out_scale k + out_bias, a step at each threshold of the channel
Round, Floor, Ceil           of what has a range of at most four whole numbers (DoReFa's round(clip(x) 3) / 3)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from .. import foreign_ops
from ..ranges import range_of
from ..steps import MAX_STEPS, Steps, first_where, steps_node
from ..values import Array, attribute, constant, evaluate_node, per_channel, shape_of
from .base import Pattern
from .pointwise import channel_constant, narrow


class BipolarQuant(Pattern):
    """One bit, levels -scale and +scale."""

    op_types = ("BipolarQuant",)
    domains = foreign_ops.DOMAINS

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """A step at 0."""
        x, scale = node.inputs
        s = per_channel(constant(scale), shape_of(x))
        if x is None or s is None or constant(x) is not None:
            return None
        return steps_node(op, x, Steps(np.zeros((1, 1), np.float32), np.stack([-s, s]).astype(np.float32)))


class Quant(Pattern):
    """Few bits, scale and zero point a channel."""

    op_types = tuple(t for t in foreign_ops.TEXTS if "Quant" in t and t != "BipolarQuant")
    domains = foreign_ops.DOMAINS

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """A step where each level begins."""
        x, shape = node.inputs[0], shape_of(node.inputs[0])
        bits = constant(node.inputs[3])
        if x is None or shape is None or bits is None or bits.size != 1 or constant(x) is not None:
            return None
        if not 1 <= float(bits.item()) <= 2:
            return None
        parameters = [channel_constant(i, shape) for i in node.inputs[1:]]
        if any(p is None for p in parameters) or (np.asarray(parameters[0]) <= 0).any():
            return None
        channels = max(np.asarray(p).size for p in parameters)

        def meaning(values: Array) -> Array:
            image = values.astype(np.float32).reshape((1, -1) + (1,) * (len(shape) - 2))
            found = evaluate_node(node, [image, *parameters])
            return np.zeros(len(values), np.float32) if found is None else found[0].reshape(-1)

        return by_levels(op, x, meaning, channels)


def by_levels(op: Any, x: ir.Value, meaning: Callable[[Array], Array], channels: int) -> ir.Value | None:
    """Steps of a function that never falls and has few values: [C] -> [C]."""
    most = np.full(channels, np.finfo(np.float32).max, np.float32)
    rows: list[Array] = []
    levels = [meaning(-most)]
    top = meaning(most)
    while not (levels[-1] == top).all():
        if len(rows) == MAX_STEPS:
            return None
        here = levels[-1]
        rows.append(first_where(meaning, lambda y, here=here: y > here, channels))
        if not np.isfinite(rows[-1]).all():
            return None
        levels.append(meaning(rows[-1]))
    return steps_node(op, x, Steps(narrow(np.stack(rows)), narrow(np.stack(levels)))) if rows else None


class MultiThreshold(Pattern):
    """FINN's thresholds a channel."""

    op_types = ("MultiThreshold",)
    domains = foreign_ops.DOMAINS

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Its own steps."""
        x, thresholds = node.inputs[0], constant(node.inputs[1])
        shape = shape_of(x)
        layout = attribute(node, "data_layout", "NCHW")
        if x is None or shape is None or thresholds is None or thresholds.ndim != 2 or layout not in ("NCHW", "NC"):
            return None
        rows = np.ascontiguousarray(thresholds.T.astype(np.float32))
        if thresholds.shape[0] not in (1, shape[1]) or not (rows[1:] > rows[:-1]).all() or len(rows) > MAX_STEPS:
            return None
        scale, bias = (np.float32(attribute(node, n, d)) for n, d in (("out_scale", 1.0), ("out_bias", 0.0)))
        levels = np.arange(len(rows) + 1, dtype=np.float32)[:, None] * scale + bias
        return steps_node(op, x, Steps(rows, levels))


ROUNDINGS: dict[str, Callable[[Array], Array]] = {"Round": np.round, "Floor": np.floor, "Ceil": np.ceil}


class RoundOfRange(Pattern):
    """Round, Floor or Ceil of a value in a short range."""

    op_types = ("Round", "Floor", "Ceil")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """A step where each whole number begins."""
        (x,) = node.inputs
        lo, hi = range_of(x)
        if x is None or constant(x) is not None or not hi - lo <= MAX_STEPS:
            return None
        rounding = ROUNDINGS[node.op_type]
        return by_levels(op, x, lambda v: rounding(np.clip(v, np.float32(lo), np.float32(hi))), 1)
