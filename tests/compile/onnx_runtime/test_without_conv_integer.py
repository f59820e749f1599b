# SPDX-License-Identifier: Apache-2.0
"""An integer network in an ONNX Runtime without ConvInteger of int8 weights: the same integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from biisnet.compile.onnx_runtime import session
from biisnet.compile.onnx_runtime.without_conv_integer import without_conv_integer
from biisnet.model import shipped_integers
from biisnet.ops import OPSET

from ..quantise.networks import by_numpy


def network() -> onnx.ModelProto:
    path = shipped_integers("biisnet-lite")
    assert path is not None
    return onnx.load(path)


def test_the_same_integers() -> None:
    """Fails where a sum, a zero point or the padding differs from what the operators mean."""
    proto = network()
    floats = without_conv_integer(proto)
    assert "ConvInteger" not in {n.op_type for n in floats.graph.node}
    image = np.random.default_rng(0).integers(0, 256, (40, 28), dtype=np.uint8)
    found = session(floats).run(None, {"image": image[None, None]})[0]
    np.testing.assert_array_equal(found, by_numpy(proto, image)[proto.graph.output[0].name])


def convolution(inputs: list[str], **constants: np.ndarray) -> onnx.ModelProto:
    """A file of one ConvInteger, with padding, whose result is called as its parts might be."""
    geometry = {"strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1], "group": 1}
    nodes = [
        helper.make_node("Identity", ["image"], ["y.x"]),
        helper.make_node("ConvInteger", ["y.x", *inputs], ["y"], **geometry),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 1, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, "c", "h", "w"])],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


@pytest.mark.parametrize("zero", [[], [""], ["y.zero"], ["y.zero", ""]])
def test_zero_points(zero: list[str]) -> None:
    """Fails where one that is left out is cast, or a new name is another value's."""
    rng = np.random.default_rng(0)
    weight = rng.integers(-128, 128, (2, 1, 3, 3)).astype(np.int8)
    proto = convolution(["y.w", *zero], **{"y.w": weight, "y.zero": np.array(9, np.uint8)})
    floats = without_conv_integer(proto)
    assert [n.op_type for n in floats.graph.node if n.op_type.startswith("Conv")] == ["Conv"]
    image = rng.integers(0, 256, (5, 6), dtype=np.uint8)
    found = session(floats).run(None, {"image": image[None, None]})[0]
    x = np.pad(image.astype(np.int64) - (9 if any(zero) else 0), 1)
    wanted = np.einsum("yxij,oij->oyx", np.lib.stride_tricks.sliding_window_view(x, (3, 3)), weight[:, 0].astype(int))
    np.testing.assert_array_equal(found[0], wanted)


def test_weights_with_a_zero_point() -> None:
    """Fails where it is dropped, and other integers are computed."""
    weight, low = np.ones((2, 1, 3, 3), np.int8), np.array(3, np.int8)
    proto = convolution(["w", "", "low"], w=weight, low=low)
    assert without_conv_integer(proto) == proto


def test_only_where_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where an old ONNX Runtime's refusal ends it, or another refusal is passed over."""
    seen: list[bool] = []
    create = onnxruntime.InferenceSession

    def old(data: bytes, *arguments: Any, **options: Any) -> onnxruntime.InferenceSession:
        has = any(n.op_type == "ConvInteger" for n in onnx.ModelProto.FromString(data).graph.node)
        seen.append(has)
        if has:
            raise RuntimeError("NOT_IMPLEMENTED : Could not find an implementation for ConvInteger(10)")
        return create(data, *arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", old)
    session(network())
    assert seen == [True, False]
