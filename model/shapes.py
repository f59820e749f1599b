# SPDX-License-Identifier: Apache-2.0
"""Settle an exported network's size: symbolic height and width become numbers everywhere.

    image [1, 1, height, width]        ->  image [1, 1, 477, 640]
    pads = Concat(.. Shape(image) ..)  ->  pads = [0, 0, 3, 0]

So that every value's shape can be inferred.
"""

from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, numpy_helper
from onnx.reference import ReferenceEvaluator

SHAPE_ARITHMETIC = {"Shape", "Mod", "Sub", "Add", "Mul", "Div", "Neg", "Concat", "Gather", "Slice"}
"""Operators that are evaluated where all of their inputs are known."""

Shape = tuple[int | str | None, ...]


def settle(model: ModelProto, size: tuple[int, int] | None) -> ModelProto:
    """Return a copy with input height and width set (None: left as they are) and every shape inferred.

    Shape arithmetic that has become constant is folded into initializers. Raises ValueError where the model
    has no single 4-D input, or has another size already.
    """
    settled = ModelProto()
    settled.CopyFrom(model)
    if size is not None:
        _set_size(settled.graph, size)
    while True:
        del settled.graph.value_info[:]
        settled.CopyFrom(onnx.shape_inference.infer_shapes(settled, strict_mode=True))
        if not _fold(settled.graph):
            return settled


def shapes_of(graph: GraphProto) -> dict[str, Shape]:
    """Shape of every value whose rank is known; dimensions are numbers, symbols or None."""
    known: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            known[value.name] = tuple(d.dim_value if d.HasField("dim_value") else d.dim_param for d in dims)
    return known


def _set_size(graph: GraphProto, size: tuple[int, int]) -> None:
    ranks = [len(value.type.tensor_type.shape.dim) for value in graph.input]
    if ranks != [4]:
        raise ValueError(f"expected one input [N, C, H, W], the model has {len(ranks)} of ranks {ranks}")
    for value in (graph.input[0], *graph.output):
        for dim, side in zip(value.type.tensor_type.shape.dim[2:], size, strict=False):
            if dim.HasField("dim_value") and dim.dim_value != side:
                if value is graph.input[0]:
                    raise ValueError(f"the model is for a side of {dim.dim_value}, not {side}")
                continue
            dim.dim_value = side


def _fold(graph: GraphProto) -> bool:
    """Evaluate nodes of SHAPE_ARITHMETIC on known inputs; true where there were any."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    shapes = shapes_of(graph)
    left = []
    for node in graph.node:
        shape = shapes.get(node.input[0]) if node.op_type == "Shape" else None
        if shape is not None and all(isinstance(side, int) for side in shape):
            feeds = {node.input[0]: np.broadcast_to(np.float32(0), shape)}  # type: ignore[arg-type]
        elif all(name in constants for name in node.input if name):
            feeds = {name: constants[name] for name in node.input if name}
        else:
            feeds = {}
        if not feeds or node.op_type not in SHAPE_ARITHMETIC or node.domain:
            left.append(node)
            continue
        results: Any = ReferenceEvaluator(node).run(None, feeds)
        value = np.asarray(results[0])
        constants[node.output[0]] = value
        graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
    folded = len(left) < len(graph.node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in left]
    del graph.node[:]
    graph.node.extend(kept)
    return folded
