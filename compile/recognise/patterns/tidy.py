# SPDX-License-Identifier: Apache-2.0
"""Operators that do nothing, or say in another way what a simpler one says.

Dropout(x) = Cast to its own type = Pad by nothing = a 1x1 pooling = x
ceil_mode where every window fits, auto_pad     ->  pads
Conv(Pad(x, 0))                                 ->  Conv with these pads
-x                                              ->  x times -1
x + c, c a constant of a whole map that is the same at every pixel  ->  c a value a channel
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from ..binary_parts import constant_pad
from ..values import attribute, constant, constant_node, made_by, per_channel, shape_of
from .base import Pattern

WINDOWS = ("AveragePool", "MaxPool")


class NothingDone(Pattern):
    """A node whose result is its input."""

    op_types = ("Dropout", "Cast", "Pad", "AveragePool", "MaxPool", "Expand", "Reshape", "Transpose", "Concat", "Tile")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The input."""
        x = node.inputs[0]
        if x is None or any(o.uses() for o in node.outputs[1:]) or not does_nothing(node):
            return None
        made: ir.Value = op.Identity(x)
        return made


def does_nothing(node: ir.Node) -> bool:
    """Whether a node passes its first input on."""
    x = node.inputs[0]
    if node.op_type == "Dropout":
        training = constant(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else np.zeros(1)
        return training is not None and not training.any()
    if node.op_type == "Cast":
        return x is not None and x.dtype is not None and attribute(node, "to", 0) == x.dtype
    if node.op_type == "Pad":
        pads = constant(node.inputs[1])
        return pads is not None and not pads.any()
    if node.op_type in WINDOWS:
        ones = (attribute(node, n, [1, 1]) for n in ("kernel_shape", "strides"))
        return all(set(v) == {1} for v in ones) and not any(attribute(node, "pads", [0]))
    if node.op_type == "Transpose":
        rank = len(shape_of(x) or ())
        return attribute(node, "perm", list(range(rank))[::-1]) == list(range(rank))
    if node.op_type == "Concat":
        return len(node.inputs) == 1
    return shape_of(x) is not None and shape_of(x) == shape_of(node.outputs[0])


class ExplicitPads(Pattern):
    """auto_pad, and ceil_mode that has no effect, as pads."""

    op_types = ("Conv", *WINDOWS)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The same node with pads and without the two."""
        auto, ceil = attribute(node, "auto_pad", "NOTSET"), attribute(node, "ceil_mode", 0)
        if (auto == "NOTSET" and not ceil) or len(node.outputs) != 1:
            return None
        shape, result = shape_of(node.inputs[0]), shape_of(node.outputs[0])
        weight = shape_of(node.inputs[1]) if node.op_type == "Conv" else None
        kernel = attribute(node, "kernel_shape", list(weight[2:]) if weight else None)
        if shape is None or result is None or kernel is None or len(shape) != 4:
            return None
        strides, dilations = (attribute(node, n, [1, 1]) for n in ("strides", "dilations"))
        span = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
        pads = attribute(node, "pads", [0, 0, 0, 0])
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            total = [
                max((math.ceil(s / t) - 1) * t + k - s, 0) for s, t, k in zip(shape[2:], strides, span, strict=True)
            ]
            small, large = [t // 2 for t in total], [t - t // 2 for t in total]
            pads = small + large if auto == "SAME_UPPER" else large + small
        elif auto == "VALID":
            pads = [0, 0, 0, 0]
        fits = [(s + pads[i] + pads[i + 2] - span[i]) // strides[i] + 1 for i, s in enumerate(shape[2:])]
        if tuple(fits) != result[2:]:
            return None
        rest = {k: v for k, v in node.attributes.items() if k not in ("auto_pad", "ceil_mode", "pads")}
        made: ir.Value = getattr(op, node.op_type)(*node.inputs, **rest, pads=pads)
        return made


class PadOfConvolution(Pattern):
    """Conv(Pad(x, 0))."""

    op_types = ("Conv",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Conv with the pads of both."""
        pad = made_by(node.inputs[0], "Pad")
        found = constant_pad(pad) if pad is not None else None
        if pad is None or found is None or found[1] != 0 or attribute(node, "auto_pad", "NOTSET") != "NOTSET":
            return None
        pads = [a + b for a, b in zip(attribute(node, "pads", [0, 0, 0, 0]), found[0], strict=True)]
        rest = {k: v for k, v in node.attributes.items() if k not in ("pads", "auto_pad")}
        made: ir.Value = op.Conv(pad.inputs[0], *node.inputs[1:], **rest, pads=pads)
        return made


class Negation(Pattern):
    """-x."""

    op_types = ("Neg",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """x times -1."""
        x = node.inputs[0]
        if x is None or x.dtype != ir.DataType.FLOAT or constant(x) is not None:
            return None
        made: ir.Value = op.Mul(x, constant_node(op, np.full(1, -1, np.float32)))
        return made


class ConstantMap(Pattern):
    """A sum or product with a constant that was expanded over height and width."""

    op_types = ("Add", "Sub", "Mul", "Div")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The same with a value a channel."""
        inputs = list(node.inputs)
        for place in (0, 1):
            array, shape = constant(inputs[place]), shape_of(inputs[1 - place])
            if array is None or shape is None or len(shape) < 3 or array.size <= 1:
                continue
            vector = per_channel(array, shape)
            if vector is None or vector.size == array.size or shape != shape_of(node.outputs[0]):
                continue
            inputs[place] = constant_node(op, vector.reshape((1, -1) + (1,) * (len(shape) - 2)))
            made: ir.Value = getattr(op, node.op_type)(*inputs)
            return made
        return None
