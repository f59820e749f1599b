# SPDX-License-Identifier: Apache-2.0
"""Small networks as exporters write them, node by node, with random weights: what the tests of `recognise` read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.frontend.loader import from_proto
from biisnet.ops import DOMAIN, OPSET, REGISTRY, VERSION, pack_weights

Array = npt.NDArray[Any]
C = 8
"""Channels of most maps: a byte of bits."""
SIDE = 8


class Net:
    """A graph that grows: methods give names of values. The image is [1, 3, SIDE, SIDE] where no shape is given."""

    def __init__(self, shape: Sequence[int | str] = (1, 3, SIDE, SIDE), opset: int = 17, kind: int = TensorProto.FLOAT):
        self.rng = np.random.default_rng(7)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("image", kind, shape)]
        self.imports: dict[str, int] = {"": opset}

    def op(self, op_type: str, *inputs: Any, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """A node; arrays among its inputs are initializers. Its name is its operator's and a number."""
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        name = f"{op_type}_{len(self.nodes)}"
        made = [name.lower(), *(f"{name.lower()}.{k}" for k in range(1, outputs))]
        self.nodes.append(helper.make_node(op_type, names, made, name=name, domain=domain, **attributes))
        if domain == DOMAIN:
            self.imports |= {DOMAIN: VERSION, "": max(self.imports[""], OPSET)}
        return made[0]

    def constant(self, array: Any) -> str:
        """An initializer."""
        values = np.asarray(array)
        values = values.astype(np.float32) if values.dtype == np.float64 else values
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def normal(self, *shape: int) -> Array:
        """Random weights."""
        return np.asarray(self.rng.normal(size=shape) * 0.3, np.float32)

    def signs(self, *shape: int) -> Array:
        """Random weights of -1 and +1."""
        return np.asarray(self.rng.choice([-1.0, 1.0], shape), np.float32)

    def conv(self, x: str, weight: Any, pads: Sequence[int] | None = None, **attributes: Any) -> str:
        """A convolution; half the kernel is padded where nothing is said."""
        if pads is None:
            pads = [weight.shape[2] // 2, weight.shape[3] // 2] * 2
        return self.op("Conv", x, weight, kernel_shape=list(weight.shape[2:]), pads=list(pads), **attributes)

    def norm(self, x: str, channels: int = C) -> str:
        """A BatchNormalization."""
        return self.op(
            "BatchNormalization",
            x,
            1 + self.normal(channels),
            self.normal(channels),
            self.normal(channels),
            1 + 10 * self.rng.random(channels),
        )

    def stem(self, channels: int = C, source: str = "image", inputs: int = 3) -> str:
        """A full-precision convolution with BatchNormalization."""
        return self.norm(self.conv(source, self.normal(channels, inputs, 3, 3)), channels)

    def binary(self, x: str, inputs: int = C, outputs: int = C, kernel: int = 3, **attributes: Any) -> str:
        """com.biisnet's BinaryConv2d of +-1."""
        bits = self.rng.random((outputs, inputs, kernel, kernel)) < 0.5
        one = np.ones(outputs, np.float32)
        levels = attributes.pop("levels", np.array([-1, 1], np.float32))
        pads = attributes.pop("pads", [kernel // 2] * 4)
        return self.op(
            "BinaryConv2d", x, pack_weights(bits), 0.05 * one, 0 * one, levels, np.array([[-1, 1]], np.float32),
            np.zeros(1, np.float32), domain=DOMAIN, channels=inputs, pads=pads, **attributes,
        )  # fmt: skip

    def proto(self, output: str, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
        """The file, with one output."""
        result = helper.make_tensor_value_info("out", kind, None)
        nodes = [*self.nodes, helper.make_node("Identity", [output], ["out"])]
        graph = helper.make_graph(nodes, "net", self.inputs, [result], self.constants)
        imports = [helper.make_opsetid(d, v) for d, v in self.imports.items()]
        functions = [REGISTRY[name].function() for name in sorted({n.op_type for n in nodes if n.domain == DOMAIN})]
        model = helper.make_model(graph, opset_imports=imports, functions=functions, ir_version=9)
        shape = result_shape(model)
        if shape is not None:
            del model.graph.output[:]
            model.graph.output.append(helper.make_tensor_value_info("out", kind, shape))
        else:
            model.graph.output[0].type.tensor_type.shape.SetInParent()
            for side in ("n", "c", "h", "w"):
                model.graph.output[0].type.tensor_type.shape.dim.add(dim_param=side)
        return model

    def model(self, output: str, kind: int = TensorProto.FLOAT) -> OnnxModel:
        """The file, read and checked."""
        return from_proto(self.proto(output, kind), "net.onnx")


def result_shape(model: onnx.ModelProto) -> list[int | str] | None:
    """The output's shape as ONNX infers it."""
    try:
        found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output[0].type.tensor_type
    except onnx.shape_inference.InferenceError:  # an operator without an import
        return None
    if not found.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or "any" for d in found.shape.dim]
