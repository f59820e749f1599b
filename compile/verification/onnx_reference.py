# SPDX-License-Identifier: Apache-2.0
"""The reference: stock ONNX Runtime, with every value of the graph that a stage stores as an extra output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from ...ops import DOMAIN
from ..frontend import OnnxModel
from ..onnx_runtime import session

F32 = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


class OnnxReference:
    """A model in ONNX Runtime that also gives inner values."""

    def __init__(self, model: OnnxModel, values: Mapping[str, str]) -> None:
        """`values`: names of the graph's values -> their types, as numpy calls them."""
        self.proto, self.path = model.proto, model.path
        proto = model.proto
        opened = onnx.ModelProto()
        opened.CopyFrom(proto)
        self.outputs = [o.name for o in proto.graph.output]
        known = {*self.outputs, *(i.name for i in proto.graph.input)}
        self.names = [*self.outputs, *(v for v in values if v not in known)]
        opened.graph.output.extend(
            onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(values[n])), None)
            for n in self.names[len(self.outputs) :]
        )
        self.input = proto.graph.input[0].name
        self.opened = opened
        self.session = session(opened, self.path)

    def run(self, image: Array) -> dict[str, Array]:
        """image [C, H, W] grey levels, of the input's type -> value name -> [C, H, W]; the image is among them."""
        return self._run(self.session, image)

    def run_as_written(self, image: Array) -> dict[str, Array]:
        """The same without ONNX Runtime's own rewriting: slower, and exact where the file is."""
        return self._run(session(self.opened, self.path, as_written=True), image)

    def _run(self, opened: onnxruntime.InferenceSession, image: Array) -> dict[str, Array]:
        results = opened.run(self.names, {self.input: image[None]})
        return {self.input: image, **{n: r[0] for n, r in zip(self.names, results, strict=True)}}

    def binary_layers(self) -> list[onnx.NodeProto]:
        """The BinaryConv2d nodes."""
        return [n for n in self.proto.graph.node if (n.domain, n.op_type) == (DOMAIN, "BinaryConv2d")]

    def accumulators(self, layer: str, x: F32) -> F32 | None:
        """The integer accumulators of a BinaryConv2d layer (by its output) on x [C, H, W]: the layer alone, with
        scale 1 and offset 0. None where its levels are not +-1."""
        node = next(n for n in self.binary_layers() if n.output[0] == layer)
        constants = {t.name: t for t in self.proto.graph.initializer}
        levels = [onnx.numpy_helper.to_array(constants[node.input[i]]) for i in (4, 5)]
        if any(np.abs(v).min() != 1 or (v[..., 0] != -1).any() for v in levels):
            return None
        outputs = constants[node.input[2]].dims[0]
        unit = onnx.NodeProto()
        unit.CopyFrom(node)
        unit.input[0], unit.input[2], unit.input[3], unit.output[0] = "x", "unit_scale", "unit_offset", "y"
        graph = onnx.helper.make_graph(
            [unit],
            "accumulators",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, *x.shape])],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
            [
                onnx.numpy_helper.from_array(np.ones(outputs, np.float32), "unit_scale"),
                onnx.numpy_helper.from_array(np.zeros(outputs, np.float32), "unit_offset"),
                *(constants[i] for i in node.input[1:] if i in constants),
            ],
        )
        model = onnx.helper.make_model(
            graph,
            opset_imports=self.proto.opset_import,
            functions=self.proto.functions,
            ir_version=self.proto.ir_version,
        )
        found: F32 = session(model, self.path).run(None, {"x": x[None]})[0][0]
        return found
