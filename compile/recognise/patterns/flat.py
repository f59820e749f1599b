# SPDX-License-Identifier: Apache-2.0
"""Vectors as maps of one pixel, fully connected layers as convolutions, so that there is one kind of layer.

    Reshape, Squeeze of [1, C, H, W] to [1, C H W]  =  Flatten(x)
    f(Flatten(x), c)                                =  Flatten(f(x, c'))        f point-wise
    BatchNormalization(Flatten(x))                  =  Flatten(BatchNormalization(x))     x [1, C, 1, 1]
    Flatten(x) W + b                                =  Flatten(Conv(x, W', b))  W'[m, c, h, w] = W[(c, h, w), m]
    mean over height and width                      =  GlobalAveragePool

A Flatten that is left at an output is taken off: the compiled network gives [1, M, 1, 1].
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from .. import foreign_ops
from ..values import Array, attribute, constant, constant_node, made_by, per_channel, shape_of, shaped
from .base import Pattern
from .layout import perm_of
from .pointwise import POINTWISE


def flattened(value: ir.Value | None) -> ir.Value | None:
    """The map [1, C, H, W] that a vector [1, C H W] is the Flatten of."""
    node = made_by(value, "Flatten")
    if node is None or attribute(node, "axis", 1) % 4 != 1 or len(shape_of(node.inputs[0]) or ()) != 4:
        return None
    return node.inputs[0]


class MapToVector(Pattern):
    """Reshape, Squeeze of a map to a vector, and back."""

    op_types = ("Reshape", "Squeeze", "Unsqueeze")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Flatten, or the map that was flattened."""
        x = node.inputs[0]
        shape, result = shape_of(x), shape_of(node.outputs[0])
        if x is None or shape is None or result is None:
            return None
        source = flattened(x)
        if source is not None and shape_of(source) == result:
            back: ir.Value = op.Identity(source)
            return back
        if len(shape) == 4 and shape[0] == 1 and result == (1, int(np.prod(shape[1:]))):
            made: ir.Value = op.Flatten(x, axis=1)
            return made
        return None


class PointwiseOfFlatten(Pattern):
    """f(Flatten(x), constants)."""

    op_types = (*POINTWISE, "BipolarQuant", "Quant")

    @classmethod
    def rules(cls, context: Any) -> Any:
        """Standard operators, and the quantizers in their domains."""
        for op_type in POINTWISE:
            yield cls.rule(context, op_type, "")
        for domain in foreign_ops.DOMAINS:
            for op_type in foreign_ops.TEXTS:
                yield cls.rule(context, op_type, domain)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Flatten(f(x, constants))."""
        maps = [flattened(i) for i in node.inputs]
        known = [m for m in maps if m is not None]
        if not known or any(shape_of(m) != shape_of(known[0]) for m in known) or len(node.outputs) != 1:
            return None
        shape = shape_of(known[0])
        if shape is None or shape_of(node.outputs[0]) != (1, int(np.prod(shape[1:]))):
            return None
        inputs: list[ir.Value | None] = []
        for i, (value, source) in enumerate(zip(node.inputs, maps, strict=True)):
            array = constant(value)
            if value is None or source is not None:
                inputs.append(source)
            elif array is None:
                return None
            elif array.size == 1 or (node.op_type == "MultiThreshold" and i == 1 and shape[2:] == (1, 1)):
                inputs.append(value)
            else:  # a value for each number, the same for all of a channel: ones_like(x) among them
                whole = array.size == int(np.prod(shape[1:]))
                values = per_channel(array.reshape(1, *shape[1:]), shape) if whole else None
                if values is None:
                    return None
                inputs.append(constant_node(op, values.reshape(1, -1, 1, 1)))
        extra = {"_domain": node.domain, "_version": foreign_ops.VERSION} if node.domain else {}
        inner = getattr(op, node.op_type)(*inputs, **node.attributes, **extra)
        self.context.moved(shaped(inner, shape, node.outputs[0]), node.outputs[0])
        made: ir.Value = op.Flatten(inner, axis=1)
        return made


class NormalizationOfFlatten(Pattern):
    """BatchNormalization of a vector."""

    op_types = ("BatchNormalization",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Flatten(BatchNormalization(x)), x of one pixel."""
        source = flattened(node.inputs[0])
        shape = shape_of(source)
        if source is None or shape is None or shape[2:] != (1, 1) or len(node.outputs) != 1:
            return None
        inner = op.BatchNormalization(source, *node.inputs[1:], **node.attributes)
        self.context.moved(shaped(inner, shape), node.outputs[0])
        made: ir.Value = op.Flatten(inner, axis=1)
        return made


class FullyConnected(Pattern):
    """Gemm and MatMul of a vector by constant weights."""

    op_types = ("Gemm", "MatMul")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Flatten(Conv(x))."""
        found = weights_and_bias(node)
        if found is None:
            return None
        source, weight, bias = found
        shape = shape_of(source)
        transpose = made_by(source, "Transpose")
        if shape is None or len(shape) != 4:
            return None
        if weight.shape[1] != int(np.prod(shape[1:])):
            return None
        kernel = weight.reshape(-1, *shape[1:])
        if transpose is not None and perm_of(transpose)[0] == 0:
            perm, inner_shape = perm_of(transpose), shape_of(transpose.inputs[0])
            if inner_shape is None:
                return None
            source, shape = transpose.inputs[0] or source, inner_shape
            kernel = kernel.transpose(np.argsort(perm))
        inputs = [source, constant_node(op, np.ascontiguousarray(kernel, np.float32))]
        if bias is not None:
            inputs.append(constant_node(op, bias.astype(np.float32)))
        inner = op.Conv(*inputs, kernel_shape=list(shape[2:]), pads=[0, 0, 0, 0], strides=[1, 1], dilations=[1, 1])
        self.context.moved(shaped(inner, (1, len(kernel), 1, 1)), node.outputs[0])
        inner.producer().name = node.name
        made: ir.Value = op.Flatten(inner, axis=1)
        return made


def weights_and_bias(node: ir.Node) -> tuple[ir.Value, Array, Array | None] | None:
    """(map, weights [M, K], bias [M] or None) of a fully connected layer."""
    source, weight = flattened(node.inputs[0]), constant(node.inputs[1])
    if source is None or weight is None or weight.ndim != 2:
        return None
    if node.op_type == "MatMul":
        return source, weight.T, None
    if attribute(node, "transA", 0):
        return None
    weight = (weight if attribute(node, "transB", 0) else weight.T) * np.float32(attribute(node, "alpha", 1.0))
    if len(node.inputs) < 3 or node.inputs[2] is None:
        return source, weight, None
    bias = constant(node.inputs[2])
    if bias is None or bias.size not in (1, len(weight)):
        return None
    return source, weight, np.broadcast_to(bias.ravel() * np.float32(attribute(node, "beta", 1.0)), (len(weight),))


class MeanOfMap(Pattern):
    """ReduceMean over height and width."""

    op_types = ("ReduceMean",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """GlobalAveragePool, and Flatten without keepdims."""
        shape = shape_of(node.inputs[0])
        axes = constant(node.inputs[1]) if len(node.inputs) > 1 else None
        if shape is None or len(shape) != 4 or axes is None or sorted(int(a) % 4 for a in axes) != [2, 3]:
            return None
        pooled = op.GlobalAveragePool(node.inputs[0])
        if attribute(node, "keepdims", 1):
            return pooled  # type: ignore[no-any-return]
        self.context.moved(shaped(pooled, (*shape[:2], 1, 1)), node.outputs[0])
        made: ir.Value = op.Flatten(pooled, axis=1)
        return made
