# SPDX-License-Identifier: Apache-2.0
"""What is normalised over the channels of each pixel, in sums and maxima over channels.

    Softmax(x)             =  e / sum e,        e = exp(x - max x)
    LogSoftmax(x)          =  t - log(sum exp t),   t = x - max x
    LayerNormalization(x)  =  d / sqrt(mean d^2 + epsilon) * scale + bias,   d = x - mean x

of maps, of maps with channels last (behind a Transpose), of vectors that were maps of one pixel (behind a Flatten).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ..values import attribute, constant, constant_node, made_by, shape_of, shaped
from .base import Pattern
from .flat import flattened
from .layout import inverse, perm_of

CHANNELS = np.array([1])


class OverChannels(Pattern):
    """Softmax, LogSoftmax, LayerNormalization."""

    op_types = ("Softmax", "LogSoftmax", "LayerNormalization")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Its parts."""
        found, shape = source_of(node), shape_of(node.outputs[0])
        if found is None or shape is None or any(o.uses() for o in node.outputs[1:]):
            return None
        x, perm = found
        sides = shape_of(x) or ()
        result = layer_norm(op, node, x) if node.op_type == "LayerNormalization" else softmax(op, node, x)
        if result is None:
            return None
        if x is node.inputs[0]:
            return result
        back = None if perm is None else tuple(inverse(perm))
        self.context.moved(shaped(result, sides, node.outputs[0]), node.outputs[0], back)
        made: ir.Value = op.Flatten(result, axis=1) if perm is None else op.Transpose(result, perm=perm)
        return made


def source_of(node: ir.Node) -> tuple[ir.Value, list[int] | None] | None:
    """(the map [1, C, H, W] over whose channels a node normalises, the Transpose between or None)."""
    x, shape = node.inputs[0], shape_of(node.inputs[0])
    if x is None or shape is None or constant(x) is not None:
        return None
    axis = attribute(node, "axis", -1) % len(shape)
    if node.op_type == "LayerNormalization" and axis != len(shape) - 1:
        return None
    if len(shape) == 4 and axis == 1:
        return x, None
    transpose = made_by(x, "Transpose")
    if len(shape) == 4 and transpose is not None and transpose.inputs[0] is not None:
        perm = perm_of(transpose)
        return (transpose.inputs[0], perm) if perm[axis] == 1 else None
    source = flattened(x)
    if len(shape) == 2 and axis == 1 and source is not None and (shape_of(source) or ())[2:] == (1, 1):
        return source, None
    return None


def softmax(op: Any, node: ir.Node, x: ir.Value) -> ir.Value:
    """Softmax or LogSoftmax of a map."""
    axes = constant_node(op, CHANNELS)
    t = op.Sub(x, op.ReduceMax(x, axes))
    e = op.Exp(t)
    total = op.ReduceSum(e, axes)
    made: ir.Value = op.Div(e, total) if node.op_type == "Softmax" else op.Sub(t, op.Log(total))
    return made


def layer_norm(op: Any, node: ir.Node, x: ir.Value) -> ir.Value | None:
    """LayerNormalization of a map; None where its constants are no value a channel."""
    constants = [constant(i) for i in node.inputs[1:] if i is not None]
    channels = (shape_of(x) or (0, 0))[1]
    if any(c is None or c.size not in (1, channels) for c in constants):
        return None
    axes = constant_node(op, CHANNELS)
    d = op.Sub(x, op.ReduceMean(x, axes))
    variance = op.ReduceMean(op.Mul(d, d), axes)
    epsilon = np.array([attribute(node, "epsilon", 1e-5)], np.float32)
    y = op.Div(d, op.Sqrt(op.Add(variance, constant_node(op, epsilon))))
    for join, values in zip((op.Mul, op.Add), constants, strict=False):
        assert values is not None
        y = join(y, constant_node(op, values.astype(np.float32).reshape(1, -1, 1, 1)))
    made: ir.Value = y
    return made
