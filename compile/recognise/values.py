# SPDX-License-Identifier: Apache-2.0
"""Questions that patterns ask of the values of an onnx-ir graph: constants, shapes, makers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from . import foreign_ops

Array = npt.NDArray[Any]


def constant(value: ir.Value | None) -> Array | None:
    """A constant's array; None for what depends on the input, or is left out."""
    if value is None:
        return None
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def is_constant(value: ir.Value | None) -> bool:
    """Whether a value is a constant."""
    return constant(value) is not None


def constant_node(op: Any, array: Array) -> ir.Value:
    """A Constant of the rewriter's builder."""
    made: ir.Value = op.Constant(value=ir.tensor(np.ascontiguousarray(array)))
    made.const_value = ir.tensor(np.ascontiguousarray(array))
    return made


def producer(value: ir.Value | None) -> ir.Node | None:
    """The node that makes a value; None for inputs and initializers."""
    return None if value is None else value.producer()


def made_by(value: ir.Value | None, *op_types: str, domain: str = "") -> ir.Node | None:
    """The node that makes a value, where it is of one of these operators."""
    node = producer(value)
    return node if node is not None and node.domain == domain and node.op_type in op_types else None


def shape_of(value: ir.Value | None) -> tuple[int, ...] | None:
    """A value's shape; None where a side is not known."""
    if value is None or value.shape is None:
        return None
    sides = value.shape.dims
    return tuple(int(s) for s in sides if isinstance(s, int)) if all(isinstance(s, int) for s in sides) else None


def shaped(value: ir.Value, shape: Sequence[int], like: ir.Value | None = None) -> ir.Value:
    """The value, said to be of a shape (and of the type of another)."""
    value.shape = ir.Shape(shape)
    value.type = like.type if like is not None else ir.TensorType(ir.DataType.FLOAT)
    return value


def channels_of(value: ir.Value) -> int | None:
    """The second side of a value."""
    shape = shape_of(value)
    return shape[1] if shape and len(shape) >= 2 else None


def attribute(node: ir.Node, name: str, default: Any) -> Any:
    """An attribute's value."""
    found = node.attributes.get(name)
    if found is None:
        return default
    value = found.value
    return list(value) if isinstance(value, (list, tuple)) else value


def per_channel(array: Array | None, shape: Sequence[int] | None) -> Array | None:
    """A constant that varies by channel alone over a value of `shape` [N, C, ...]: [C or 1]; else None.

    One that was expanded to a whole map, and is the same at every pixel, varies by channel alone.
    """
    if array is None or shape is None or array.ndim > len(shape):
        return None
    full: Any = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    if full.shape[0] != 1 or (len(full.shape) < 2 and full.size > 1):
        return None
    if len(full.shape) < 2:
        return full.reshape(-1)
    channels = full.shape[1]
    flat = full.reshape(channels, -1)
    if flat.shape[1] == 0 or not (flat == flat[:, :1]).all():
        return None
    return flat[:, 0] if channels in (1, shape[1]) else None


def evaluate_node(node: ir.Node, inputs: Sequence[Array | None]) -> list[Array] | None:
    """A node's outputs on arrays, by ONNX's own reference and the bodies of foreign operators; None where it fails."""
    proto = ir.to_proto(node)
    del proto.input[:]
    proto.input.extend("" if a is None else f"i{k}" for k, a in enumerate(inputs))
    infos = [
        onnx.helper.make_tensor_value_info(f"i{k}", onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for k, a in enumerate(inputs)
        if a is not None
    ]
    graph = onnx.helper.make_graph(
        [proto],
        "node",
        infos,
        [onnx.helper.make_tensor_value_info(o, onnx.TensorProto.UNDEFINED, None) for o in proto.output if o],
    )
    opset = node.graph.opset_imports.get("", foreign_ops.OPSET) if node.graph is not None else foreign_ops.OPSET
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    foreign_ops.add_bodies(model)
    try:
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(model).run(None, {f"i{k}": a for k, a in enumerate(inputs) if a is not None})
    except Exception:  # whatever the reference says of inputs that do not fit: the pattern is not met
        return None
    return [np.asarray(f) for f in found]
