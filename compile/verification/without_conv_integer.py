# SPDX-License-Identifier: Apache-2.0
"""A file for ONNX Runtimes before 1.24, which have ConvInteger for weights of uint8 alone.

    ConvInteger(x, w, z)  ->  Cast(Conv(Cast(x) - Cast(z), Cast(w)))

in float32, whose sums are whole numbers below 2^24, and so exact: that an integer network's fit 16 bits is proved.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper


def without_conv_integer(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with Conv of float32 for each ConvInteger; padding after the zero point is taken off adds 0, as there."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    nodes: list[onnx.NodeProto] = []
    for node in proto.graph.node:
        nodes += as_floats(node) if node.op_type == "ConvInteger" and not node.domain else [node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def as_floats(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The nodes that stand for a ConvInteger without a zero point of its weights."""
    y = node.output[0]
    nodes = [
        helper.make_node("Cast", [name], [f"{y}.{part}"], to=TensorProto.FLOAT)
        for name, part in zip(node.input[:3], ("x", "w", "zero"), strict=False)
    ]
    read = f"{y}.x"
    if len(node.input) > 2:
        read = f"{y}.centred"
        nodes.append(helper.make_node("Sub", [f"{y}.x", f"{y}.zero"], [read]))
    conv = helper.make_node("Conv", [read, f"{y}.w"], [f"{y}.sum"])
    conv.attribute.extend(node.attribute)
    return [*nodes, conv, helper.make_node("Cast", [f"{y}.sum"], [y], to=TensorProto.INT32)]
