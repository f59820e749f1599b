# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of a graph as the compiled network has them: float32 maps [1, C, H, W].

image [1, H, W, C], then only a Transpose     ->  image [1, C, H, W]
image uint8, then only a Cast to float32      ->  image float32, the same numbers
Transpose or Flatten of a map, an output      ->  the map
"""

from __future__ import annotations

import onnx_ir as ir

from .patterns.base import Context
from .patterns.layout import inverse, perm_of, transposed
from .values import attribute, made_by, shape_of

IMAGE_TYPES = (ir.DataType.UINT8,)


def settle_inputs(model: ir.Model, context: Context) -> bool:
    """Take off what inputs begin with; whether anything was."""
    changed = False
    for value in model.graph.inputs:
        users = [node for node, _ in value.uses()]
        if not users or value.is_initializer():
            continue
        if value.dtype in IMAGE_TYPES and all(is_cast(n) for n in users):
            value.type = ir.TensorType(ir.DataType.FLOAT)
            changed = True
        first = users[0]
        if all(n.op_type == "Transpose" and not n.domain for n in users):
            perm, shape = perm_of(first), shape_of(value)
            if shape and len(shape) == 4 and perm != [0, 1, 2, 3] and all(perm_of(n) == perm for n in users):
                value.shape = ir.Shape(transposed(shape, perm))
                context.aliases[value.name or ""] = (value.name or "", tuple(perm))
                context.note(
                    value.name or "",
                    f"the input is {list(transposed(shape, perm))}, channels first, instead of {list(shape)}",
                )
                for node in users:
                    node.attributes["perm"] = ir.AttrInt64s("perm", [0, 1, 2, 3])
                changed = True
    return changed


def is_cast(node: ir.Node) -> bool:
    """Whether a node makes float32 of its input."""
    return node.op_type == "Cast" and not node.domain and attribute(node, "to", 0) == ir.DataType.FLOAT


def settle_outputs(model: ir.Model, context: Context) -> None:
    """Take off what outputs end in."""
    for i, value in enumerate(model.graph.outputs):
        node = made_by(value, "Transpose", "Flatten")
        if node is None or value.uses():
            continue
        source, shape = node.inputs[0], shape_of(node.inputs[0])
        if (
            source is None
            or shape is None
            or len(shape) != 4
            or source.producer() is None
            or source in model.graph.outputs
        ):
            continue
        name = value.name or ""
        perm = None if node.op_type == "Flatten" else tuple(inverse(perm_of(node)))
        context.note(name, f"the output is {list(shape)} instead of {list(shape_of(value) or ())}")
        value.name = f"{name}/file"
        before = context.aliases.pop(source.name or "", None)
        source.name = name
        context.aliases[name] = (name, perm)
        del before
        source.type = source.type or value.type
        model.graph.outputs[i] = source
