# SPDX-License-Identifier: Apache-2.0
"""Settles the input's size and computes what then is constant (the arithmetic on shapes)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx.reference import ReferenceEvaluator

from ..errors import CompileError
from ..refusals import images

DEFAULT_SIZE = (256, 256)
"""Height and width where neither the model nor the user says."""
DTYPES = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.UINT8: "uint8"}
"""Types of an image's elements: ONNX's, and as numpy and Relax call them."""
MAX_SIDE, MAX_CHANNELS = 8192, 4096
"""Most pixels of a side, and most channels, whether the file says them or the user."""


def only_input(graph: onnx.GraphProto, path: str) -> onnx.ValueInfoProto:
    """The image. Raises CompileError where there are more inputs, or none."""
    constants = {t.name for t in graph.initializer}
    inputs = [i for i in graph.input if i.name not in constants]
    if len(inputs) != 1:
        raise CompileError(f"{path}: has {len(inputs)} inputs; one image [1, C, H, W] is supported", images.INPUTS)
    return inputs[0]


def open_sides(graph: onnx.GraphProto, path: str) -> list[str]:
    """Those of the image's height and width that are left open. Raises CompileError as `only_input`."""
    dims = only_input(graph, path).type.tensor_type.shape.dim
    return [side for side, dim in zip(("height", "width"), dims[2:], strict=False) if not dim.HasField("dim_value")]


def input_shape(graph: onnx.GraphProto, size: tuple[int, int] | None, path: str) -> tuple[int, int, int, int]:
    """Static [N, C, H, W] of the only input, its symbolic sides settled by `size`.

    Raises CompileError where the input is no image of a type in DTYPES, or its shape cannot be settled.
    """
    image = only_input(graph, path)
    tensor, name = image.type.tensor_type, image.name
    if tensor.elem_type not in DTYPES:
        kind = onnx.TensorProto.DataType.Name(tensor.elem_type)
        raise CompileError(
            f"{path}: input '{name}' is {kind}; grey levels [1, C, H, W] as float32, or uint8 of an integer network, "
            "are supported",
            images.INPUT_TYPE,
        )
    dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if len(dims) != 4:
        raise CompileError(
            f"{path}: input '{name}' has {len(dims)} dimensions; [1, C, H, W] is supported", images.INPUT_SHAPE
        )
    n, c, *sides = dims
    if (n or 1) != 1 or not c or c < 1:
        raise CompileError(
            f"{path}: input '{name}' is {written(dims)}; a batch of 1 and a fixed number of channels are "
            "supported, --size settles height and width only",
            images.INPUT_SHAPE,
        )
    if size and any(s not in (None, w) for s, w in zip(sides, size, strict=True)):
        raise CompileError(
            f"{path}: input '{name}' is fixed at {written(sides)}, --size asks for "
            f"{size[0]}x{size[1]}; leave --size out, or export with symbolic height and width",
            images.SIZE,
        )
    if any(s is not None and s < 1 for s in (*sides, *(size or ()))):
        asked = f", --size {size[0]}x{size[1]}" if size else ""
        raise CompileError(
            f"{path}: input '{name}' is {written(dims)}{asked}; height and width must be at least 1", images.SIDE
        )
    height, width = (s or w for s, w in zip(sides, size or DEFAULT_SIZE, strict=True))
    if max(height, width) > MAX_SIDE or c > MAX_CHANNELS:
        raise CompileError(
            f"{path}: input '{name}' is {c}x{height}x{width}; at most {MAX_CHANNELS} channels of {MAX_SIDE}x{MAX_SIDE} "
            "are supported; export it for smaller frames, or with symbolic height and width",
            images.TOO_LARGE,
        )
    return 1, c, height, width


def written(dims: Sequence[int | None]) -> str:
    """Sides for a person; one that is symbolic is any."""
    return "x".join("any" if d is None else str(d) for d in dims)


def evaluate(node: onnx.NodeProto, inputs: list[npt.NDArray[Any] | None], opset: int) -> list[npt.NDArray[Any]]:
    """A standard node's outputs from constant inputs, by ONNX's own reference."""
    given = {n: v for n, v in zip(node.input, inputs, strict=True) if n and v is not None}
    graph = onnx.helper.make_graph(
        [node],
        "constant",
        [
            onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
            for n, v in given.items()
        ],
        [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.UNDEFINED, None) for n in node.output],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return [np.asarray(v) for v in ReferenceEvaluator(model).run(None, given)]
