# SPDX-License-Identifier: Apache-2.0
"""Integer operators: a network of all of them computes what ONNX Runtime does; others are refused by one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel, import_onnx
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.pipeline import compile_model
from biisnet.compile.quantise import quantise
from biisnet.compile.verification.scene import scene
from biisnet.targets import resolve

from ..quantise.networks import u_network
from .test_converters import INTEGER


@pytest.fixture(scope="module")
def integer() -> OnnxModel:
    """An integer network with every operator that there is."""
    return quantise(u_network(), [scene(24, 20, seed) for seed in range(2)])


def test_it_has_every_operator(integer: OnnxModel) -> None:
    """Fails where an operator of integer networks is not in what is compiled here."""
    assert {(n.domain, n.op_type) for n in integer.proto.graph.node} >= INTEGER


@pytest.mark.parametrize("size", [(1, 1), (2, 33), (17, 16), (5, 48), (40, 70)])
def test_the_host_computes_the_same(integer: OnnxModel, size: tuple[int, int], tmp_path: Path) -> None:
    """Fails where one integer of any stage differs."""
    summary = compile_model(integer, size, resolve("host"), tmp_path / "b", say=lambda _: None)
    assert summary.verified.whole_values > 0
    assert summary.verified.mask_pixels_differing == 0
    assert "no sum can overflow" in summary.verified.summary()


@pytest.mark.parametrize("target", ["rpi3", "rpi4", "rpi5"])
def test_the_emulated_device_computes_the_same(integer: OnnxModel, target: str, tmp_path: Path) -> None:
    """Fails where one integer of any stage differs."""
    verified = compile_model(integer, (19, 35), resolve(target), tmp_path / "b", say=lambda _: None).verified
    if not verified.device:
        pytest.skip(verified.reason)
    assert verified.whole_values > 0


def changed(
    model: OnnxModel, op_type: str, change: Callable[[onnx.NodeProto, dict[str, onnx.TensorProto]], None]
) -> OnnxModel:
    """The model with its first node of a kind changed."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    tensors = {t.name: t for t in proto.graph.initializer}
    change(next(n for n in proto.graph.node if n.op_type == op_type), tensors)
    return from_proto(proto, "changed.onnx")


def with_input(index: int, values: np.ndarray) -> Callable[[onnx.NodeProto, dict[str, onnx.TensorProto]], None]:
    """Another constant in place of an input's."""

    def change(node: onnx.NodeProto, tensors: dict[str, onnx.TensorProto]) -> None:
        tensors[node.input[index]].CopyFrom(numpy_helper.from_array(values, node.input[index]))

    return change


@pytest.mark.parametrize(
    ("op_type", "change", "message"),
    [
        ("IntegerBinaryConv2d", with_input(1, np.zeros((8, 8, 3, 3), np.int8)), "its weights are -1 and +1"),
        ("IntegerBinaryConv2d", with_input(1, np.ones((8, 6, 3, 3), np.int8)), "do not fit an input of 8 channels"),
        ("IntegerBinaryConv2d", with_input(2, np.full(8, 129, np.int16)), "its thresholds are -128 .. 128"),
        ("IntegerTwoSlope", with_input(1, np.ones(3, np.int8)), "int8 [8] is supported"),
        ("IntegerHinge", with_input(2, np.ones(8, np.int16)), "int16 [8]; int8 [8] is supported"),
        ("Requantize", with_input(1, np.full(8, 1 << 15, np.int32)), "its bias does not fit 16 bits"),
        ("ConvInteger", with_input(1, np.ones((8, 1, 3, 3), np.uint8)), "int8 weights"),
    ],
)
def test_refused(
    integer: OnnxModel,
    op_type: str,
    change: Callable[[onnx.NodeProto, dict[str, onnx.TensorProto]], None],
    message: str,
) -> None:
    """Fails where a constant that does not fit is compiled, or its layer is not named."""
    with pytest.raises(CompileError) as error:
        import_onnx(changed(integer, op_type, change), (8, 8))
    assert message in str(error.value)
    assert "layer '" in str(error.value)
