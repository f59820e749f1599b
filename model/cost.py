# SPDX-License-Identifier: Apache-2.0
"""The paper's Params and OPs (section 4.1), counted from an ONNX file.

    OPs = 2 MAC_full + 2 MAC_binary / 64          Params = P_full + P_binary / 32

A multiply-add is two operations; element-wise work counts 0. Binary convolutions have one binary parameter a
weight and two full-precision ones, alpha and beta, an output channel; a DB Conv has C binary ones and two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from onnx import ModelProto, NodeProto

from biisnet.ops import DOMAIN

from .shapes import Shape, settle, shapes_of


@dataclass(frozen=True)
class LayerCost:
    """One operator: parameters and multiply-adds, those of one bit apart from the others."""

    name: str
    kind: str
    binary_params: int
    full_params: int
    binary_macs: int
    full_macs: int
    output_shape: tuple[int, ...]

    @property
    def ops(self) -> float:
        """The paper's OPs."""
        return 2 * self.full_macs + 2 * self.binary_macs / 64


@dataclass(frozen=True)
class Cost:
    """A whole network at one size; `layers` has the operators that cost anything, in the file's order."""

    layers: tuple[LayerCost, ...]
    size: tuple[int, int]

    @property
    def binary_params(self) -> int:
        return sum(layer.binary_params for layer in self.layers)

    @property
    def full_params(self) -> int:
        return sum(layer.full_params for layer in self.layers)

    @property
    def binary_macs(self) -> int:
        return sum(layer.binary_macs for layer in self.layers)

    @property
    def full_macs(self) -> int:
        return sum(layer.full_macs for layer in self.layers)

    @property
    def params(self) -> float:
        """The paper's Params: 9 756 for the default network."""
        return self.full_params + self.binary_params / 32

    @property
    def ops(self) -> float:
        """The paper's OPs: 0.3501e9 for the default network at 512x512."""
        return sum(layer.ops for layer in self.layers)


def count(model: ModelProto, size: tuple[int, int] | None = (512, 512)) -> Cost:
    """Count a model at `size` = (height, width); None takes the size that the model has.

    Raises ValueError where shapes stay unknown or the model has a fixed size that is another one.
    """
    graph = settle(model, size).graph
    shapes = shapes_of(graph)
    layers = []
    for node in graph.node:
        counter = _COUNTERS.get((node.domain, node.op_type))
        if counter is not None:
            out = _static(node, node.output[0], shapes)
            inputs = [_static(node, name, shapes) if name else () for name in node.input]
            layers.append(LayerCost(node.name, node.op_type, *counter(node, inputs, out), out))
    image = _static(graph.node[0], graph.input[0].name, shapes)
    return Cost(tuple(layers), (image[2], image[3]))


def _static(node: NodeProto, name: str, shapes: dict[str, Shape]) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None or not all(isinstance(side, int) for side in shape):
        raise ValueError(f"node {node.name}: the shape of {name} is unknown; give a size")
    return tuple(int(side) for side in shape if side is not None)


_Counts = tuple[int, int, int, int]
_Inputs = list[tuple[int, ...]]


def _convolution(node: NodeProto, inputs: _Inputs, out: tuple[int, ...]) -> _Counts:
    weight = inputs[1]
    bias = prod(inputs[2]) if len(inputs) > 2 and inputs[2] else 0
    return 0, prod(weight) + bias, 0, prod(out) * prod(weight[1:])


def _binary_convolution(node: NodeProto, inputs: _Inputs, out: tuple[int, ...]) -> _Counts:
    # the packed weight's second side is in bytes
    taps = _channels(node) * prod(inputs[1][2:])
    learned = prod(inputs[6]) if prod(inputs[6]) > 1 else 0  # a threshold a channel (ReActNet)
    return inputs[1][0] * taps, 2 * inputs[1][0] + learned, prod(out) * taps, 0


def _binary_weight_convolution(node: NodeProto, inputs: _Inputs, out: tuple[int, ...]) -> _Counts:
    # its activations are full-precision: the paper's Table 2 divides BiConnect's work by 64 all the same
    taps = _channels(node) * prod(inputs[1][2:])
    return inputs[1][0] * taps, 2 * inputs[1][0], 0, prod(out) * taps


def _dot_binary_convolution(node: NodeProto, inputs: _Inputs, out: tuple[int, ...]) -> _Counts:
    return _channels(node), 2, prod(out), 0


def _per_channel(node: NodeProto, inputs: _Inputs, out: tuple[int, ...]) -> _Counts:
    return 0, sum(prod(shape) for shape in inputs[1:]), 0, 0


def _channels(node: NodeProto) -> int:
    return int(next(attribute.i for attribute in node.attribute if attribute.name == "channels"))


_COUNTERS: dict[tuple[str, str], Callable[[NodeProto, _Inputs, tuple[int, ...]], _Counts]] = {
    ("", "Conv"): _convolution,
    (DOMAIN, "BinaryConv2d"): _binary_convolution,
    (DOMAIN, "BinaryWeightConv2d"): _binary_weight_convolution,
    (DOMAIN, "DotBinaryConv2d"): _dot_binary_convolution,
    (DOMAIN, "RPReLU"): _per_channel,
    (DOMAIN, "MaxOut"): _per_channel,
    (DOMAIN, "ReDistribution"): _per_channel,
}
