# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of a graph as the compiled network has them: float32 maps [1, C, H, W].

image [1, H, W, C], then only Transposes      ->  image [1, C, H, W], Transposed: both cancel (patterns/layout.py)
image uint8, then only a Cast to float32      ->  image float32, the same numbers
Transpose or Flatten of a map, an output      ->  the map
"""

from __future__ import annotations

import onnx_ir as ir

from .patterns.base import Context
from .patterns.layout import MOVES, inverse, perm_of, transposed
from .values import attribute, is_constant, made_by, shape_of, shaped

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
        perm, shape = turned(value), shape_of(value)
        if perm is not None and shape and len(shape) == 4 and value.name not in context.aliases:
            turn(model, value, perm, shape)
            context.aliases[value.name or ""] = (value.name or "", tuple(perm))
            context.note(
                value.name or "",
                f"the input is {list(transposed(shape, perm))}, channels first, instead of {list(shape)}",
            )
            changed = True
    return changed


def turned(value: ir.Value) -> list[int] | None:
    """The order of axes that all Transposes have by which an image is read; None where it is read without, or in
    several orders. Between them is what is done to each pixel alone: a cast, mean and standard deviation."""
    found: set[tuple[int, ...]] = set()
    values = [value]
    for read in values:
        if read.is_graph_output() or not read.uses():
            return None
        for node, index in read.uses():
            others = (i for n, i in enumerate(node.inputs) if n != index)
            if node.op_type == "Transpose" and not node.domain:
                found.add(tuple(perm_of(node)))
            elif node.op_type in MOVES and not node.domain and all(map(is_constant, others)):
                values.append(node.outputs[0])
            else:
                return None
    (perm,) = found if len(found) == 1 else ((),)
    return list(perm) if list(perm) != sorted(perm) else None


def turn(model: ir.Model, value: ir.Value, perm: list[int], shape: tuple[int, ...]) -> None:
    """Give an image in the order `perm`, and turn it back behind its input."""
    uses = list(value.uses())
    node = ir.Node("", "Transpose", [value], [ir.AttrInt64s("perm", inverse(perm))], name=f"{value.name}/file")
    back = shaped(node.outputs[0], shape, value)
    back.name = f"{value.name}/file"
    value.shape = ir.Shape(transposed(shape, perm))
    for user, index in uses:
        user.replace_input_with(index, back)
    model.graph.insert_before(model.graph[0], node)


def is_cast(node: ir.Node) -> bool:
    """Whether a node makes float32 of its input."""
    return node.op_type == "Cast" and not node.domain and attribute(node, "to", 0) == ir.DataType.FLOAT


def settle_outputs(model: ir.Model, context: Context) -> int:
    """Take off what outputs end in; of how many."""
    count = 0
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
        context.aliases.pop(source.name or "", None)
        source.name = name
        context.aliases[name] = (name, perm)
        source.type = source.type or value.type
        model.graph.outputs[i] = source
        count += 1
    return count
