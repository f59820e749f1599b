# SPDX-License-Identifier: Apache-2.0
"""The input's size: fixed, symbolic, settled by --size; and the arithmetic on shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import import_onnx, load_model
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.frontend.shapes import DEFAULT_SIZE, evaluate, input_shape
from biisnet.compile.passes.relax_ops import shape_of
from biisnet.model import shipped_onnx

from .models import compiled, model_of, node, onnx_runtime


def relu(shape: Sequence[int | str | None], kind: int = TensorProto.FLOAT) -> onnx.GraphProto:
    """A graph whose input has this shape."""
    return model_of([node("Relu", "x")], shape=shape, kind=kind).graph


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((1, 3, 6, 10), None, (1, 3, 6, 10)),
        ((1, 3, 6, 10), (6, 10), (1, 3, 6, 10)),
        (("n", 3, "h", "w"), (5, 7), (1, 3, 5, 7)),
        ((None, 3, None, None), (5, 7), (1, 3, 5, 7)),
        ((1, 3, "h", "w"), None, (1, 3, *DEFAULT_SIZE)),
        ((1, 3, 6, "w"), (6, 7), (1, 3, 6, 7)),
        ((1, 3, 6, "w"), None, (1, 3, 6, DEFAULT_SIZE[1])),
    ],
)
def test_settled(shape: Sequence[int | str | None], size: tuple[int, int] | None, expected: tuple[int, ...]) -> None:
    """Fails where a fixed side is overruled, or a symbolic one is not settled."""
    assert input_shape(relu(shape), size, "net.onnx") == expected


@pytest.mark.parametrize(
    ("shape", "kind", "size", "message"),
    [
        ((1, 3, 6, 10), 1, (6, 11), "is fixed at 6x10, --size asks for 6x11; leave --size out"),
        ((1, 3, 6, "w"), 1, (7, 7), "--size asks for 7x7"),
        ((2, 3, 6, 10), 1, None, "a batch of 1"),
        ((1, "c", 6, 10), 1, None, "a fixed number of channels"),
        ((3, 6, 10), 1, None, "has 3 dimensions"),
        ((1, 3, 6, 10), TensorProto.INT8, None, "is INT8; grey levels [1, C, H, W] as float32, or uint8"),
        ((1, 3, 6, 10), TensorProto.FLOAT16, None, "is FLOAT16"),
        ((1, 3, 0, 10), 1, None, "is 1x3x0x10; height and width must be at least 1"),
        ((1, 3, -4, 10), 1, None, "is 1x3x-4x10; height and width must be at least 1"),
        ((1, 3, 0, 10), 1, (0, 10), "is 1x3x0x10, --size 0x10; height"),
        ((1, -3, 6, 10), 1, None, "a fixed number of channels"),
        ((1, 3, 6, "w"), 1, (7, 7), "is fixed at 6xany, --size asks for 7x7"),
        ((1, 1, 40000, 40000), 1, None, "is 1x40000x40000; at most 4096 channels of 8192x8192"),
        ((1, 1, 2**32, 2**32), 1, None, "is 1x4294967296x4294967296; at most"),
        ((1, 1, "h", 2**62), 1, (5, 2**62), "at most 4096 channels of 8192x8192"),
        ((1, 2**40, 6, 10), 1, None, "at most 4096 channels"),
    ],
)
def test_refused(shape: Sequence[int | str | None], kind: int, size: tuple[int, int] | None, message: str) -> None:
    """Fails where a shape that cannot be compiled is not refused in one line."""
    with pytest.raises(CompileError) as error:
        input_shape(relu(shape, kind), size, "net.onnx")
    assert str(error.value).startswith("net.onnx: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("inputs", [0, 2])
def test_one_input(inputs: int) -> None:
    """Fails where a network of two images, or of none, is taken for one."""
    proto = model_of([node("Relu", "x")])
    image = proto.graph.input.pop()
    for n in range(inputs):
        image.name = "xy"[n]
        proto.graph.input.append(image)
    with pytest.raises(CompileError, match=rf"^net\.onnx: has {inputs} inputs; one image"):
        input_shape(proto.graph, None, "net.onnx")


def test_initializers_are_no_inputs() -> None:
    """Fails where a weight that is listed among the inputs (as before IR 4) is taken for an image."""
    proto = model_of([node("Add", "x", "k")], {"k": np.array([1], np.float32)})
    proto.graph.input.append(onnx.helper.make_tensor_value_info("k", 1, [1]))
    assert input_shape(proto.graph, None, "net.onnx") == (1, 4, 6, 10)
    assert shape_of(import_onnx(from_proto(proto, "net"), None)["main"].params[0]) == (1, 4, 6, 10)


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (8, 16)])
def test_arithmetic_on_shapes(size: tuple[int, int]) -> None:
    """Fails where pads that a model computes from its input's shape are not constants here."""
    nodes = [
        node("Shape", "x", output="shape"),
        node("Gather", "shape", "sides", output="hw"),
        node("Mod", "hw", "four", output="over"),
        node("Sub", "four", "over", output="lack"),
        node("Concat", "none", "lack", output="pads", axis=0),
        node("Pad", "x", "pads", mode="edge"),
    ]
    constants = {"sides": np.array([2, 3]), "four": np.array([4, 4]), "none": np.zeros(6, np.int64)}
    proto = model_of(nodes, constants, shape=(1, 2, "h", "w"))
    image = np.arange(2 * size[0] * size[1], dtype=np.float32).reshape(2, *size)
    np.testing.assert_array_equal(compiled(proto, image, size)[0], onnx_runtime(proto, image)[0])


def test_shipped_settles_any_size() -> None:
    """Fails where the shipped network keeps a symbolic side."""
    path = shipped_onnx()
    assert path is not None
    model = load_model(path)
    for size in ((1, 1), (13, 7), (256, 256)):
        module = import_onnx(model, size)
        assert shape_of(module["main"].params[0]) == (1, 1, *size)
        assert shape_of(module["main"].body) == (1, 1, *size)


def test_evaluate() -> None:
    """Fails where a node of constants is computed otherwise than by ONNX's reference."""
    (found,) = evaluate(node("Add", "a", "b"), [np.array([1, 2]), np.array([3, 4])], 18)
    np.testing.assert_array_equal(found, [4, 6])
