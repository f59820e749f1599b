# SPDX-License-Identifier: Apache-2.0
"""The frame around the network in its file: normalise, extend to a multiple, crop back, sigmoid.

    normalised  = (image - mean) / std
    extended    = normalised, its last row and column repeated up to the next multiple of 2**levels
    probability = sigmoid(logits, cropped to the image)

Plain ONNX. With a size that is a multiple neither Pad nor Slice is there; with another size their operands
are constants; without a size they are Shape, Mod, Sub and Concat of the image, which fold once it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper


@dataclass(frozen=True)
class Frame:
    """Channels of the image, normalisation in grey levels, and what the network's sides are multiples of."""

    channels: int
    mean: float
    std: float
    multiple: int


def surround(graph: GraphProto, frame: Frame, size: tuple[int, int] | None) -> None:
    """Turn a graph `extended -> logits` into one `image -> probability`, in place; see the module."""
    builder = _Builder(graph)
    builder.constant("normalise.mean", np.float32(frame.mean))
    builder.constant("normalise.std", np.float32(frame.std))
    before = [
        builder.node("Sub", ["image", "normalise.mean"], "normalise.sub"),
        builder.node("Div", ["normalise.sub", "normalise.std"], "normalise"),
    ]
    after: list[NodeProto] = []
    features, logits = "normalise", "logits"
    short = (-size[0] % frame.multiple, -size[1] % frame.multiple) if size else (0, 0)
    if any(short) or (size is None and frame.multiple > 1):
        if size:
            builder.constant("extend.pads", np.array([0, 0, *short], np.int64))
            builder.constant("image.size", np.array(size, np.int64))
        else:
            before += _symbolic_pads(builder, frame.multiple)
        builder.constant("spatial_axes", np.array([2, 3], np.int64))
        builder.constant("origin", np.zeros(2, np.int64))
        before.append(builder.node("Pad", ["normalise", "extend.pads", "", "spatial_axes"], "extend", mode="edge"))
        after.append(builder.node("Slice", ["logits", "origin", "image.size", "spatial_axes"], "crop"))
        features, logits = "extend", "crop"
    after.append(builder.node("Sigmoid", [logits], "probability"))

    inner = list(graph.node)
    for node in inner:
        node.input[:] = [features if value == "extended" else value for value in node.input]
    del graph.node[:]
    graph.node.extend([*before, *inner, *after])
    sides: Sequence[int | str] = size or ("height", "width")
    del graph.input[:], graph.output[:]
    graph.input.append(_value("image", [1, frame.channels, *sides]))
    graph.output.append(_value("probability", [1, 1, *sides]))


def _symbolic_pads(builder: "_Builder", multiple: int) -> list[NodeProto]:
    """`extend.pads` = [0, 0, -H mod m, -W mod m], from the image's own shape; `image.size` = [H, W]."""
    builder.constant("extend.multiple", np.array(multiple, np.int64))
    builder.constant("extend.before", np.zeros(2, np.int64))
    return [
        builder.node("Shape", ["image"], "image.size", start=2),
        builder.node("Mod", ["image.size", "extend.multiple"], "extend.excess"),
        builder.node("Sub", ["extend.multiple", "extend.excess"], "extend.missing"),
        # a whole multiple is missing where there was no excess
        builder.node("Mod", ["extend.missing", "extend.multiple"], "extend.after"),
        builder.node("Concat", ["extend.before", "extend.after"], "extend.pads", axis=0),
    ]


class _Builder:
    def __init__(self, graph: GraphProto) -> None:
        self.graph = graph

    def constant(self, name: str, value: np.ndarray | np.generic) -> None:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))

    @staticmethod
    def node(op_type: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
        """A node of the same name as its output."""
        return helper.make_node(op_type, inputs, [output], name=output, **attributes)


def _value(name: str, shape: Sequence[int | str]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
