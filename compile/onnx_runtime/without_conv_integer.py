# SPDX-License-Identifier: Apache-2.0
"""A file for ONNX Runtimes before 1.24, which have ConvInteger for weights of uint8 alone.

    ConvInteger(x, w, z)  ->  Cast(Conv(Cast(x) - Cast(z), Cast(w)))

in float32, whose sums are whole numbers below 2^24, and so exact: that an integer network's fit 16 bits is proved. One
whose weights have a zero point, which no integer network has, stays what it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import onnx
from onnx import TensorProto, helper


def without_conv_integer(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with Conv of float32 for each ConvInteger; padding after the zero point is taken off adds 0, as there."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    graph = model.graph
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    taken |= {value.name for value in (*graph.input, *graph.initializer)}

    def free(name: str) -> str:
        numbered = (f"{name}.{i}" for i in itertools.count(2))
        found = next(n for n in itertools.chain([name], numbered) if n not in taken)
        taken.add(found)
        return found

    nodes = [new for node in graph.node for new in (as_floats(node, free) if is_replaced(node) else [node])]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def is_replaced(node: onnx.NodeProto) -> bool:
    """Whether a node is a ConvInteger without a zero point of its weights."""
    return node.op_type == "ConvInteger" and not node.domain and not any(node.input[3:])


def as_floats(node: onnx.NodeProto, free: Callable[[str], str]) -> list[onnx.NodeProto]:
    """The nodes that stand for such a ConvInteger; `free` makes a name that is not taken of one."""
    y, nodes = node.output[0], []

    def step(op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    read, weight = (
        step("Cast", [name], free(f"{y}.{part}"), to=TensorProto.FLOAT)
        for name, part in zip(node.input[:2], ("x", "w"), strict=True)
    )
    if any(node.input[2:]):
        zero = step("Cast", [node.input[2]], free(f"{y}.zero"), to=TensorProto.FLOAT)
        read = step("Sub", [read, zero], free(f"{y}.centred"))
    total = step("Conv", [read, weight], free(f"{y}.sum"))
    nodes[-1].attribute.extend(node.attribute)
    step("Cast", [total], y, to=TensorProto.INT32)
    return nodes
