# SPDX-License-Identifier: Apache-2.0
"""Mutations of ONNX files that stay ONNX files: of random bytes nearly all are refused by protobuf alone."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper

from biisnet.compile.frontend.converters import CONVERTERS
from biisnet.compile.recognise.rewriting import FOREIGN

OPERATORS = sorted({*CONVERTERS, *(("", name) for name in FOREIGN)})
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e-8, 3e38, float("inf"), float("nan"))
SMALL = (-2, -1, 0, 1, 2, 3, 7, 16, 1 << 31)

Mutation = Callable[[onnx.GraphProto, random.Random], None]


def mutate(data: bytes, most: int, seed: int) -> bytes | None:
    """Other bytes of a network, at most `most` of them; None where `data` is no network, or the result too large."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return None
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 3)):
        if not model.graph.node:
            return None
        rng.choice(MUTATIONS)(model.graph, rng)
    mutated = model.SerializeToString()
    return mutated if len(mutated) <= most else None


def other_operator(graph: onnx.GraphProto, rng: random.Random) -> None:
    """A node computes something else of the same."""
    node = rng.choice(graph.node)
    node.domain, node.op_type = rng.choice(OPERATORS)


def other_input(graph: onnx.GraphProto, rng: random.Random) -> None:
    """A node reads another value, or one less or more."""
    node = rng.choice(graph.node)
    names = ["", *(o for n in graph.node for o in n.output), *(i.name for i in (*graph.initializer, *graph.input))]
    kind = rng.randrange(3)
    if kind == 0 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    elif kind == 1 and node.input:
        node.input.pop()
    else:
        node.input.append(rng.choice(names))


def other_attribute(graph: onnx.GraphProto, rng: random.Random) -> None:
    """An attribute has another value, one of another length, or goes."""
    node = rng.choice(graph.node)
    if not node.attribute:
        return
    attribute = rng.choice(node.attribute)
    kind = rng.randrange(4)
    if kind == 0:
        node.attribute.remove(attribute)
    elif attribute.ints and kind == 1:
        attribute.ints.append(rng.choice(SMALL))
    elif attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(SMALL)
    else:
        attribute.i, attribute.f = rng.choice(SMALL), rng.choice(NUMBERS)


def other_constant(graph: onnx.GraphProto, rng: random.Random) -> None:
    """A constant has other numbers, another shape or another type."""
    if not graph.initializer:
        return
    constant = rng.choice(graph.initializer)
    kind = rng.randrange(3)
    if kind == 0 and constant.dims:
        constant.dims[rng.randrange(len(constant.dims))] = rng.choice(SMALL)
    elif kind == 1:
        constant.data_type = rng.choice(TensorProto.DataType.values())
    else:
        try:
            array = numpy_helper.to_array(constant).copy()
        except (TypeError, ValueError, onnx.checker.ValidationError):  # as other mutations left it
            return
        if array.size and array.dtype == np.float32:
            array.flat[rng.randrange(array.size)] = rng.choice(NUMBERS)
            constant.CopyFrom(numpy_helper.from_array(array, constant.name))


def without_a_node(graph: onnx.GraphProto, rng: random.Random) -> None:
    """Whoever read a node reads its input."""
    at = rng.randrange(len(graph.node))
    node = graph.node[at]
    if node.input and node.output:
        for other in graph.node:
            for k, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[k] = node.input[0]
    del graph.node[at]


def a_node_twice(graph: onnx.GraphProto, rng: random.Random) -> None:
    """A node's result goes through the same operator again."""
    at = rng.randrange(len(graph.node))
    node = graph.node[at]
    if not node.input or not node.output:
        return
    again = onnx.NodeProto()
    again.CopyFrom(node)
    node.output[0] += "_"
    again.input[0] = node.output[0]
    graph.node.insert(at + 1, again)


def other_shape(graph: onnx.GraphProto, rng: random.Random) -> None:
    """The image has another size, or an unknown one."""
    dims = [d for i in graph.input for d in i.type.tensor_type.shape.dim]
    if dims:
        dim = rng.choice(dims)
        if rng.randrange(2):
            dim.dim_value = rng.choice(SMALL)
        else:
            dim.dim_param = "n"


MUTATIONS: tuple[Mutation, ...] = (
    other_operator,
    other_input,
    other_attribute,
    other_constant,
    without_a_node,
    a_node_twice,
    other_shape,
)
