# SPDX-License-Identifier: Apache-2.0
"""Small float networks by hand, and integer files computed by numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.onnx_runtime import session
from biisnet.ops import DOMAIN, OPSET, REGISTRY, VERSION, functions, pack_bits, pack_weights
from biisnet.ops.binary_conv2d import convolve

Array = npt.NDArray[Any]


class Maker:
    """An ONNX graph from an input `image` to a probability, node by node, of random constants."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def node(self, op: str, inputs: list[str], name: str, domain: str = "", **attributes: Any) -> str:
        """A node called as its output."""
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def constant(self, name: str, values: Any) -> str:
        """A constant."""
        self.constants[name] = np.asarray(values)
        return name

    def vector(self, name: str, low: float, high: float, count: int) -> str:
        """A random constant a channel."""
        return self.constant(name, self.rng.uniform(low, high, count).astype(np.float32))

    def embed(self, x: str, name: str, outputs: int, kernel: int = 3) -> str:
        """(grey - 100) / 30, and a convolution of it."""
        self.node("Sub", [x, self.constant(f"{name}.mean", np.float32(100))], f"{name}.centred")
        self.node("Div", [f"{name}.centred", self.constant(f"{name}.std", np.float32(30))], f"{name}.normalised")
        weight = self.rng.normal(size=(outputs, 1, kernel, kernel)).astype(np.float32)
        inputs = [
            f"{name}.normalised",
            self.constant(f"{name}.weight", weight),
            self.vector(f"{name}.bias", -1, 1, outputs),
        ]
        return self.node("Conv", inputs, name, pads=[kernel // 2] * 4)

    def binary(self, x: str, name: str, inputs: int, outputs: int, **attributes: Any) -> str:
        """A 3x3 binary convolution of levels -1 and +1."""
        group = attributes.get("group", 1)
        bits = self.rng.random((outputs, inputs // group, 3, 3)) < 0.5
        levels = np.array([-1, 1], np.float32)
        given = [
            self.constant(f"{name}.weight", pack_weights(bits)),
            self.vector(f"{name}.scale", 0.02, 0.1, outputs),
            self.vector(f"{name}.offset", -0.5, 0.5, outputs),
            self.constant("activation_levels", levels),
            self.constant("weight_levels", levels[None]),
            self.constant("threshold", np.zeros(1, np.float32)),
        ]
        attributes = {"channels": inputs // group, "pads": [1] * 4} | attributes
        return self.node("BinaryConv2d", [x, *given], name, DOMAIN, **attributes)

    def rprelu(self, x: str, name: str, channels: int) -> str:
        """A bend at -0.5 to 0.5."""
        bounds = {"a": (-0.5, 0.5), "b": (-0.5, 0.5), "c": (-0.3, 1.2)}
        return self.node(
            "RPReLU", [x, *(self.vector(f"{name}.{k}", *v, channels) for k, v in bounds.items())], name, DOMAIN
        )

    def dot_layer(self, x: str, name: str, channels: int) -> str:
        """A DB Conv Layer: x + maxout(dot(x))."""
        bits = pack_bits(self.rng.random(channels) < 0.5)
        given = [
            self.constant(f"{name}.weight", bits),
            self.vector(f"{name}.scale", 0.3, 0.6, channels),
            self.vector(f"{name}.offset", -0.1, 0.1, channels),
        ]
        self.node("DotBinaryConv2d", [x, *given], name, DOMAIN, channels=channels)
        slopes = [self.vector(f"{name}.{s}", 0.1, 1, channels) for s in ("positive", "negative")]
        self.node("MaxOut", [name, *slopes], f"{name}.maxout", DOMAIN)
        return self.node("Add", [f"{name}.maxout", x], f"{name}.add")

    def block(self, x: str, name: str, channels: int) -> str:
        """A Binary Block."""
        y = self.rprelu(self.binary(x, f"{name}.binary", channels, channels), f"{name}.rprelu", channels)
        self.node("Add", [y, x], f"{name}.sum")
        given = [self.vector(f"{name}.alpha", 0.5, 1, channels), self.vector(f"{name}.beta", -0.2, 0.2, channels)]
        self.node("ReDistribution", [f"{name}.sum", *given], f"{name}.redistribution", DOMAIN)
        return self.dot_layer(f"{name}.redistribution", f"{name}.dot", channels)

    def head(self, x: str, channels: int) -> str:
        """A 1x1 convolution to one channel."""
        weight = self.rng.normal(size=(1, channels, 1, 1)).astype(np.float32)
        given = [self.constant("head.weight", weight), self.constant("head.bias", np.array([-0.5], np.float32))]
        return self.node("Conv", [x, *given], "head")

    def proto(self, output: str, sides: tuple[int | str, int | str] = ("height", "width")) -> onnx.ModelProto:
        """The float model."""
        info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, *sides]) for name in ("image", output)]
        weights = [numpy_helper.from_array(v, n) for n, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "small", info[:1], info[1:], weights)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)]
        used = {n.op_type for n in self.nodes}
        bodies = [f for f in functions() if f.name in used]
        return helper.make_model(graph, opset_imports=opsets, functions=bodies, ir_version=10)

    def model(self, output: str, sides: tuple[int | str, int | str] = ("height", "width")) -> OnnxModel:
        """The float model, checked."""
        return from_proto(self.proto(output, sides), "small.onnx")


def u_network(channels: int = 8, seed: int = 0, sides: tuple[int | str, int | str] = ("height", "width")) -> OnnxModel:
    """A U of one level: everything that the shipped networks have, for frames of any size."""
    m = Maker(seed)
    m.node("Shape", ["image"], "size", start=2)
    m.node("Mod", ["size", m.constant("two", np.array([2, 2], np.int64))], "excess")
    m.node("Concat", [m.constant("before", np.zeros(2, np.int64)), "excess"], "pads", axis=0)
    axes = m.constant("axes", np.array([2, 3], np.int64))
    m.node("Pad", ["image", "pads", "", axes], "extend", mode="edge")
    skip = m.block(m.embed("extend", "embedding", channels), "down", channels)
    m.node("AveragePool", [skip], "pool", kernel_shape=[2, 2], strides=[2, 2])
    m.node("Concat", [m.dot_layer("pool", f"twin.{i}", channels) if i < 2 else "" for i in range(2)], "twin", axis=1)
    low = m.block("twin", "low", 2 * channels)
    scales = m.constant("scales", np.array([1, 1, 2, 2], np.float32))
    m.node("Resize", [low, "", scales], "up", mode="linear", coordinate_transformation_mode="half_pixel")
    m.nodes.append(helper.make_node("Split", ["up"], ["up.0", "up.1"], name="up.split", axis=1, num_outputs=2))
    m.node("Add", [m.dot_layer(f"up.{i}", f"half.{i}", channels) for i in range(2)], "halves")
    m.node("Mul", ["halves", m.constant("half", np.float32(0.5))], "mean")
    m.node("Add", [m.dot_layer("mean", "fuse.0", channels), m.dot_layer(skip, "fuse.1", channels)], "fused")
    m.head(m.block("fused", "decoder", channels), channels)
    m.node("Slice", ["head", m.constant("origin", np.zeros(2, np.int64)), "size", axes], "crop")
    return m.model(m.node("Sigmoid", ["crop"], "probability"), sides)


def frames(count: int, height: int, width: int, seed: int = 0) -> list[npt.NDArray[np.uint8]]:
    """Random frames, smooth enough to be some."""
    rng = np.random.default_rng(seed)
    rough = rng.uniform(40, 160, (count, height, width))
    smooth = (rough + np.roll(rough, 1, 1) + np.roll(rough, 1, 2)) / 3
    return list(smooth.astype(np.uint8))


def with_maps(proto: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The model with every stored map, and every moved one, as an extra output; their names."""
    opened = onnx.ModelProto()
    opened.CopyFrom(proto)
    outputs = {o.name for o in proto.graph.output}
    kinds = {"Requantize": TensorProto.INT8, "IntegerUpsample": TensorProto.INT8}
    names = []
    for node in proto.graph.node:
        if node.op_type in kinds and node.output[0] not in outputs:
            wide = any(a.name == "to" and a.i == TensorProto.INT16 for a in node.attribute)
            kind = TensorProto.INT16 if wide else TensorProto.INT8
            opened.graph.output.append(helper.make_tensor_value_info(node.output[0], kind, None))
            names.append(node.output[0])
    return opened, names


def by_onnx_runtime(proto: onnx.ModelProto, frame: npt.NDArray[np.uint8]) -> dict[str, Array]:
    """Every map and the output of an integer file on a frame [H, W]."""
    opened, _ = with_maps(proto)
    names = [o.name for o in opened.graph.output]
    found = session(opened).run(names, {proto.graph.input[0].name: frame[None, None]})
    return dict(zip(names, found, strict=True))


def by_numpy(proto: onnx.ModelProto, frame: npt.NDArray[np.uint8]) -> dict[str, Array]:
    """Every value of an integer file on a frame [H, W], by the operators' numpy meanings."""
    values: dict[str, Any] = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    values |= {"": None, proto.graph.input[0].name: frame[None, None]}
    for node in proto.graph.node:
        given = [values[i] for i in node.input]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.domain == DOMAIN:
            found = [REGISTRY[node.op_type].reference(*given, **attributes)]
        else:
            found = STANDARD[node.op_type](attributes, *given)
        values |= dict(zip(node.output, found, strict=True))
    return values


def conv_integer(attributes: dict[str, Any], x: Array, w: Array, zero: Array | None = None) -> list[Array]:
    """ConvInteger."""
    geometry = [attributes[name] for name in ("strides", "pads", "dilations", "group")]
    total = convolve(x.astype(np.float64) - (0 if zero is None else zero.item()), w.astype(np.float64), *geometry, 0.0)
    return [total.astype(np.int32)]


def pad(attributes: dict[str, Any], x: Array, pads: Array, _: None, axes: Array) -> list[Array]:
    """Pad of mode edge."""
    widths = [(0, 0)] * 4
    for i, axis in enumerate(axes):
        widths[axis] = (int(pads[i]), int(pads[i + len(axes)]))
    return [np.pad(x, widths, mode="edge")]


STANDARD: dict[str, Any] = {
    "ConvInteger": conv_integer,
    "Pad": pad,
    "Add": lambda _, a, b: [a + b],
    "Sub": lambda _, a, b: [a - b],
    "Mod": lambda _, a, b: [a % b],
    "Shape": lambda attributes, x: [np.array(x.shape[attributes.get("start", 0) :])],
    "Concat": lambda attributes, *parts: [np.concatenate(parts, attributes["axis"])],
    "Split": lambda attributes, x, sizes: np.split(x, np.cumsum(sizes)[:-1], attributes["axis"]),
    "ReduceSum": lambda _, x, axes: [x.sum(tuple(axes), keepdims=True, dtype=np.int32)],
    "Slice": lambda _, x, starts, ends, axes: [x[:, :, : ends[0], : ends[1]]],
}
