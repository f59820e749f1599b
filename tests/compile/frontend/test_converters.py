# SPDX-License-Identifier: Apache-2.0
"""Each supported ONNX operator against ONNX Runtime, and each refusal by its message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel, import_onnx
from biisnet.compile.frontend.converters import CONVERTERS
from biisnet.compile.frontend.window_converters import MAX_POOL
from biisnet.compile.ir.limits import MAX_STRIDE
from biisnet.ops import DOMAIN, INTEGER_VERSION, REGISTRY, pack_weights
from biisnet.ops.packing import pack_bits

from .models import Array, compiled, model_of, node, onnx_runtime

RNG = np.random.default_rng(0)
SHAPE = (4, 6, 10)
I64 = np.int64


def normal(*shape: int) -> Array:
    """Weights."""
    return RNG.normal(0, 1, shape).astype(np.float32)


def conv(pads: list[int], *, bias: bool = True, outputs: int = 6, group: int = 1, kernel: int = 3, **more: Any) -> Any:
    """A convolution node and its constants."""
    constants = {"w": normal(outputs, 4 // group, kernel, kernel), **({"b": normal(outputs)} if bias else {})}
    return [node("Conv", "x", *constants, pads=pads, group=group, **more)], constants


def binary(**attributes: Any) -> Any:
    """A BinaryConv2d node and its constants."""
    group = attributes.get("group", 1)
    constants = {
        "w": pack_weights(RNG.random((6, 4 // group, 3, 3)) < 0.5),
        "scale": normal(6),
        "offset": normal(6),
        "a": np.array([-1, 1], np.float32),
        "l": np.array([[-1, 1]], np.float32),
        "t": normal(4),
    }
    return [node("BinaryConv2d", "x", *constants, domain=DOMAIN, channels=4 // group, **attributes)], constants


def binary_weight(**attributes: Any) -> Any:
    """A BinaryWeightConv2d node and its constants."""
    group = attributes.get("group", 1)
    constants = {
        "w": pack_weights(RNG.random((6, 4 // group, 3, 3)) < 0.5),
        "scale": normal(6),
        "offset": normal(6),
        "l": normal(6, 2),
    }
    return [node("BinaryWeightConv2d", "x", *constants, domain=DOMAIN, channels=4 // group, **attributes)], constants


def resize(mode: str, centres: str, *, sizes: bool = False, factor: int = 2, **more: Any) -> Any:
    """A Resize node and its constants."""
    given = (
        {"sizes": np.array([1, 4, 6 * factor, 10 * factor], I64)}
        if sizes
        else {"scales": np.array([1, 1, factor, factor], np.float32)}
    )
    inputs = ["x", "", "", "sizes"] if sizes else ["x", "", "scales"]
    return [node("Resize", *inputs, mode=mode, coordinate_transformation_mode=centres, **more)], given


def max_pool(kernel: int = 3, **more: Any) -> Any:
    """A MaxPool node with a square window."""
    return [node("MaxPool", "x", kernel_shape=[kernel, kernel], **more)], {}


def slices(starts: list[int], ends: list[int], axes: list[int] | None, steps: list[int] | None = None) -> Any:
    """A Slice node and its constants."""
    given = {"s": starts, "e": ends, **({"a": axes} if axes is not None else {}), **({"t": steps} if steps else {})}
    return [node("Slice", "x", *given)], {k: np.array(v, I64) for k, v in given.items()}


def after_groups(convolution: Any, *nodes: onnx.NodeProto) -> Any:
    """Nodes that cut the channels of a convolution, here called c."""
    (first,), constants = convolution
    first.name = first.output[0] = "c"
    cut = {"first": np.array([1], I64), "last": np.array([4], I64), "axis": np.array([1], I64)}
    return [first, *nodes], {**constants, **cut}


def padded(pads: list[int], mode: str = "edge", axes: list[int] | None = None) -> Any:
    """A Pad node and its constants."""
    constants = {"p": np.array(pads, I64), **({"a": np.array(axes, I64)} if axes else {})}
    return [node("Pad", "x", "p", *(["", "a"] if axes else []), mode=mode)], constants


CHANNEL = normal(1, 4, 1, 1)
SUPPORTED: dict[str, Any] = {
    "Add constant": ([node("Add", "x", "k")], {"k": CHANNEL}),
    "Add scalar first": ([node("Add", "k", "x")], {"k": np.float32(3)}),
    "Add maps": ([node("Add", "x", "x")], {}),
    "Sub constant": ([node("Sub", "x", "k")], {"k": CHANNEL}),
    "Sub from constant": ([node("Sub", "k", "x")], {"k": CHANNEL[0]}),
    "Sub maps": ([node("Relu", "x", output="r"), node("Sub", "x", "r")], {}),
    "Add of a row": ([node("MaxPool", "x", kernel_shape=[6, 1], output="r"), node("Add", "r", "x")], {}),
    "Sub of a gate": ([node("MaxPool", "x", kernel_shape=[6, 10], output="g"), node("Sub", "x", "g")], {}),
    "Mul maps": ([node("Relu", "x", output="r"), node("Mul", "x", "r")], {}),
    "Mul by itself": ([node("Mul", "x", "x")], {}),
    "Mul by a gate": (
        [
            node("MaxPool", "x", kernel_shape=[6, 10], output="p"),
            node("Conv", "p", "w", output="c"),
            node("Sigmoid", "c", output="g"),
            node("Mul", "x", "g"),
        ],
        {"w": normal(4, 4, 1, 1)},
    ),
    "Mul by a plane": (
        [node("Conv", "x", "w", output="c"), node("Mul", "c", "x")],
        {"w": normal(1, 4, 1, 1)},
    ),
    "Mul by a plane, cropped": (
        [
            node("Conv", "x", "w", output="c"),
            node("Mul", "c", "x", output="m"),
            node("Slice", "m", "s", "e", "a"),
        ],
        {"w": normal(1, 4, 1, 1), "s": np.array([0, 0], I64), "e": np.array([4, 7], I64), "a": np.array([2, 3], I64)},
    ),
    "Mul of a gate by a plane": (
        [
            node("MaxPool", "x", kernel_shape=[6, 10], output="g"),
            node("Conv", "x", "w", output="c"),
            node("Mul", "g", "c"),
        ],
        {"w": normal(1, 4, 1, 1)},
    ),
    "Mul": ([node("Mul", "k", "x")], {"k": CHANNEL}),
    "Div": ([node("Div", "x", "k")], {"k": CHANNEL}),
    "BatchNormalization": (
        [node("BatchNormalization", "x", "g", "b", "m", "v", epsilon=0.01)],
        {"g": normal(4), "b": normal(4), "m": normal(4), "v": normal(4) ** 2},
    ),
    "Relu": ([node("Relu", "x")], {}),
    "LeakyRelu": ([node("LeakyRelu", "x", alpha=0.25)], {}),
    "LeakyRelu default": ([node("LeakyRelu", "x")], {}),
    "PRelu": ([node("PRelu", "x", "k")], {"k": CHANNEL[0]}),
    "Clip": ([node("Clip", "x", "l", "u")], {"l": np.float32(-1), "u": np.float32(0.5)}),
    "Clip above": ([node("Clip", "x", "", "u")], {"u": np.float32(0.5)}),
    "Clip below": ([node("Clip", "x", "l")], {"l": np.float32(0.5)}),
    "Sigmoid": ([node("Sigmoid", "x")], {}),
    "Identity": ([node("Identity", "x", output="i"), node("Relu", "i")], {}),
    "Conv 3x3": conv([1, 1, 1, 1]),
    "Conv without bias": conv([0, 0, 0, 0], bias=False),
    "Conv all of it": conv([2, 0, 1, 3], outputs=4, group=2, strides=[2, 3], dilations=[1, 2]),
    "Conv with the largest strides": conv([16, 16, 0, 0], strides=[MAX_STRIDE, MAX_STRIDE]),
    "Conv 1x1": conv([0, 0, 0, 0], outputs=1, kernel=1),
    "AveragePool": ([node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2])], {}),
    "AveragePool 3x5": ([node("AveragePool", "x", kernel_shape=[3, 5], strides=[1, 2])], {}),
    "AveragePool with pads": (
        [node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 0, 1, 0], count_include_pad=1)],
        {},
    ),
    "AveragePool of all": ([node("AveragePool", "x", kernel_shape=[6, 8], strides=[1, 1])], {}),
    "Slice of the first channels": slices([0], [3], [1]),
    "Slice of the last channels": slices([-2], [100], [-3]),
    "Slice of channels between": slices([1], [3], [1]),
    "Slice after a convolution in groups": after_groups(
        conv([1, 1, 1, 1], group=2), node("Relu", "c", output="r"), node("Slice", "r", "first", "last", "axis")
    ),
    "Slice after a binary convolution in groups": after_groups(
        binary(group=2), node("Slice", "c", "first", "last", "axis", output="y")
    ),
    "Sum of the parts after a binary convolution in groups": after_groups(
        binary(group=2), node("Split", "c", output=["d", "e"], axis=1, num_outputs=2), node("Sub", "d", "e")
    ),
    "MaxPool": max_pool(strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool without pads": max_pool(strides=[2, 2]),
    "MaxPool 2x2": max_pool(2, strides=[2, 2], dilations=[1, 1], ceil_mode=0, storage_order=0),
    "MaxPool default strides": max_pool(pads=[0, 0, 1, 1]),
    "MaxPool all of it": ([node("MaxPool", "x", kernel_shape=[3, 5], strides=[3, 4], pads=[2, 1, 0, 4])], {}),
    "MaxPool of numbers below zero": (
        [node("Clip", "x", "", "u", output="c"), node("MaxPool", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1])],
        {"u": np.float32(-0.5)},
    ),
    "MaxPool beside a convolution": (
        [
            node("Conv", "x", "w", pads=[1, 1, 1, 1], strides=[2, 2], output="c"),
            node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], output="m"),
            node("Add", "c", "m"),
        ],
        {"w": normal(4, 4, 3, 3)},
    ),
    "MaxPool of a split": (
        [
            node("Split", "x", output=["a", "b"], axis=1, num_outputs=2),
            node("MaxPool", "b", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        ],
        {},
    ),
    "Split of a MaxPool": (
        [
            node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], output="m"),
            node("Split", "m", output=["a", "b"], axis=1, num_outputs=2),
            node("Sub", "a", "b"),
        ],
        {},
    ),
    "Resize linear": resize("linear", "half_pixel"),
    "Resize linear sizes": resize("linear", "pytorch_half_pixel", sizes=True),
    "Resize linear x4": resize("linear", "half_pixel", factor=4),
    "Resize linear x8": resize("linear", "pytorch_half_pixel", factor=8, sizes=True),
    "Resize nearest x8": resize("nearest", "asymmetric", nearest_mode="floor", factor=8),
    "Resize nearest": resize("nearest", "asymmetric", nearest_mode="floor"),
    "Resize nearest half pixel": resize("nearest", "half_pixel", nearest_mode="round_prefer_floor"),
    "Resize nearest ceil": resize("nearest", "half_pixel", nearest_mode="round_prefer_ceil"),
    "Concat": ([node("Relu", "x", output="r"), node("Concat", "r", "x", axis=1)], {}),
    "Split": (
        [node("Split", "x", "k", output=["a", "b"], axis=1), node("Concat", "b", "a", axis=-3)],
        {"k": np.array([1, 3], I64)},
    ),
    "Split equal": ([node("Split", "x", output=["a", "b"], axis=1, num_outputs=2), node("Sub", "a", "b")], {}),
    "Pad": padded([0, 0, 0, 0, 0, 0, 3, 1]),
    "Pad axes": padded([0, 0, 1, 2], axes=[2, -1]),
    "Pad of channels": padded([0, 2, 0, 0, 0, 3, 0, 0], "constant"),
    "Pad of channels, and of a value": (
        [
            node("Slice", "x", "s", "e", "a", "t", output="c"),
            node("Pad", "c", "p", "v", "o", output="d"),
            node("Conv", "d", "w"),
        ],
        {
            **{n: np.array(v, I64) for n, v in {"s": [0, 0], "e": [6, 10], "a": [2, 3], "t": [2, 2]}.items()},
            **{"p": np.array([0, 4], I64), "v": np.float32(-1.5), "o": np.array([1], I64), "w": normal(3, 8, 3, 3)},
        },
    ),
    "Pad after a window": (
        [node("AveragePool", "x", output="p", kernel_shape=[2, 2], strides=[2, 2]), node("Pad", "p", "k", mode="edge")],
        {"k": np.array([0, 0, 0, 0, 0, 0, 1, 2], I64)},
    ),
    "Slice": slices([0, 0], [5, -3], [2, 3]),
    "Slice negative axes": slices([0, 0], [-1, 7], [-2, -1], [1, 1]),
    "Slice all axes": slices([0, 0, 0, 0], [1, 9, 4, 2**31], None),
    "Div maps": ([node("Exp", "x", output="e"), node("Div", "x", "e")], {}),
    "Div of a constant": ([node("Exp", "x", output="e"), node("Div", "k", "e")], {"k": CHANNEL}),
    "Div by a plane": (
        [node("ReduceMax", "x", "a", output="m"), node("Exp", "m", output="e"), node("Div", "x", "e")],
        {"a": np.array([1], I64)},
    ),
    "Tanh": ([node("Tanh", "x")], {}),
    "HardSigmoid": ([node("HardSigmoid", "x", alpha=0.25, beta=0.4)], {}),
    "HardSigmoid default": ([node("HardSigmoid", "x")], {}),
    "HardSwish": ([node("HardSwish", "x")], {}),
    "Neg": ([node("Neg", "x")], {}),
    "Exp": ([node("Exp", "x")], {}),
    "Log": ([node("Exp", "x", output="e"), node("Log", "e")], {}),
    "Sqrt": ([node("Relu", "x", output="r"), node("Sqrt", "r")], {}),
    "Round": ([node("Add", "x", "x", output="d"), node("Round", "d")], {}),
    "ReduceMean": ([node("ReduceMean", "x", "a", keepdims=1)], {"a": np.array([1], I64)}),
    "ReduceMax": ([node("ReduceMax", "x", "a")], {"a": np.array([-3], I64)}),
    "ReduceSum of floats": ([node("ReduceSum", "x", "a")], {"a": np.array([1], I64)}),
    "Slice step 2": slices([0, 0], [6, 10], [2, 3], [2, 2]),
    "Slice from within": slices([1, 3], [-1, 100], [2, 3]),
    "Slice all of it": slices([3, 1], [9, 6], [-1, 2], [4, 3]),
    "Slice of a row": slices([5], [6], [2]),
    "DepthToSpace CRD": ([node("DepthToSpace", "x", blocksize=2, mode="CRD")], {}),
    "DepthToSpace": (
        [node("Concat", "x", "x", axis=1, output="c"), node("DepthToSpace", "c", blocksize=2)],
        {},
    ),
    "DepthToSpace 4": (
        [node("Conv", "x", "w", output="c"), node("DepthToSpace", "c", blocksize=4, mode="CRD")],
        {"w": normal(32, 4, 1, 1)},
    ),
    "Gather": ([node("Gather", "x", "o", axis=1)], {"o": np.array([0, 2, 1, 3], I64)}),
    "Gather of many": (
        [node("Conv", "x", "w", output="c"), node("Gather", "c", "o", axis=-3)],
        {"w": normal(12, 4, 1, 1), "o": np.arange(12).reshape(3, 4).T.ravel()},
    ),
    "Gather in order": (
        [node("Gather", "x", "o", axis=1, output="g"), node("Relu", "g")],
        {"o": np.arange(-4, 0)},
    ),
    "BinaryConv2d": binary(pads=[1, 1, 1, 1]),
    "BinaryConv2d all of it": binary(pads=[2, 0, 1, 3], strides=[2, 1], dilations=[1, 2], group=2, pad_value=-1.0),
    "BinaryConv2d padded with +1": binary(pads=[1, 1, 1, 1], pad_value=1.0),
    "BinaryWeightConv2d": binary_weight(pads=[1, 1, 1, 1]),
    "BinaryWeightConv2d all of it": binary_weight(pads=[2, 0, 1, 3], strides=[2, 1], dilations=[1, 2], group=2),
    "DotBinaryConv2d": (
        [node("DotBinaryConv2d", "x", "w", "s", "o", domain=DOMAIN, channels=4)],
        {"w": pack_bits(np.array([1, 0, 1, 1])), "s": normal(1), "o": normal(1)},
    ),
    "RPReLU": ([node("RPReLU", "x", "a", "b", "c", domain=DOMAIN)], {n: normal(4) for n in "abc"}),
    "MaxOut": ([node("MaxOut", "x", "a", "b", domain=DOMAIN)], {n: normal(4) for n in "ab"}),
    "ReDistribution": ([node("ReDistribution", "x", "a", "b", domain=DOMAIN)], {n: normal(4) for n in "ab"}),
}


@pytest.mark.parametrize("name", SUPPORTED)
def test_means_what_onnx_runtime_says(name: str) -> None:
    """Fails where a converter, or what comes after it, takes an attribute or a default otherwise than ONNX."""
    proto, image = model_of(*SUPPORTED[name]), normal(*SHAPE)
    for found, expected in zip(compiled(proto, image), onnx_runtime(proto, image), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


INTEGER = {
    ("", "ConvInteger"),
    ("", "ReduceSum"),
    *((DOMAIN, op.name) for op in REGISTRY.values() if op.since == INTEGER_VERSION),
}
"""Operators of integer networks, whose cases are in test_integer_converters.py."""


def test_every_converter_is_tested() -> None:
    """Fails where an operator is added without a case here."""
    tested = {(n.domain, n.op_type) for nodes, _ in SUPPORTED.values() for n in nodes} | INTEGER
    assert not set(CONVERTERS) - tested


def test_every_standard_operator_is_documented() -> None:
    """Fails where the table that the error refers to lacks an operator, or has one that is refused."""
    text = (Path(__file__).parents[3] / "docs" / "onnx-ops.md").read_text()
    table = text.partition("## Standard operators")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {op for row in rows for op in re.findall(r"`(\w+)`", row)} == {op for d, op in CONVERTERS if not d}


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (3, 4)])
@pytest.mark.parametrize(
    "name", ["Conv 3x3", "MaxPool", "Resize linear", "Resize linear x4", "Resize nearest", "BinaryConv2d", "Pad axes"]
)
def test_small_sizes(name: str, size: tuple[int, int]) -> None:
    """Fails where a map of one row or column has another border than ONNX's."""
    proto, image = model_of(SUPPORTED[name][0], SUPPORTED[name][1], (1, 4, "h", "w")), normal(4, *size)
    np.testing.assert_allclose(compiled(proto, image, size)[0], onnx_runtime(proto, image)[0], rtol=1e-5, atol=1e-5)


def test_outputs_keep_their_order() -> None:
    """Fails where outputs are given in the order in which they are computed, or an alias of one is lost."""
    nodes = [
        node("Relu", "x", output="early"),
        node("Sigmoid", "early", output="late"),
        node("Identity", "late", output="same"),
    ]
    proto, image = model_of(nodes, outputs=("late", "early", "same")), normal(*SHAPE)
    found, expected = compiled(proto, image), onnx_runtime(proto, image)
    assert len(found) == 3
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2])
def test_image_is_an_output(axis: int) -> None:
    """Fails where a model's input that is also its output is not copied."""
    nodes = [node("Identity", "x", output="same"), node("Relu", "x")]
    proto, image = model_of(nodes, outputs=("same", "y")[:axis]), normal(*SHAPE)
    for a, b in zip(compiled(proto, image), onnx_runtime(proto, image), strict=True):
        np.testing.assert_array_equal(a, b)


TWO = {"w": normal(6, 4, 3, 3)}
REFUSED: list[tuple[str, list[onnx.NodeProto], dict[str, Array]]] = [
    ("auto_pad is not supported", [node("Conv", "x", "w", auto_pad="SAME_UPPER")], TWO),
    ("pads [17, 0, 0, 0]: 0 to 16 are supported", *conv([17, 0, 0, 0])),
    ("strides [1, 17]: 1 to 16 are supported", *conv([0, 0, 0, 0], strides=[1, MAX_STRIDE + 1])),
    ("strides [17, 1]: 1 to 16 are supported", *binary(strides=[MAX_STRIDE + 1, 1])),
    ("input 1 must be a constant", [node("Relu", "x", output="r"), node("Conv", "x", "r")], {}),
    ("4194308 full-precision weights: 4194304 are", [node("Conv", "x", "w")], {"w": normal(1048577, 4, 1, 1)}),
    (
        "its bounds 1.0 and -1.0 are not in order",
        [node("Clip", "x", "l", "u")],
        {"l": np.float32(1), "u": np.float32(-1)},
    ),
    ("bounds of shapes (4,) and (1,) are no scalars", [node("Clip", "x", "l")], {"l": normal(4)}),
    (
        "weights for 1 x 9 channels do not fit an input of 4",
        [node("BinaryWeightConv2d", "x", *"wsol", domain=DOMAIN, channels=9)],
        {"w": np.zeros((2, 2, 3, 3), np.uint8), "s": normal(2), "o": normal(2), "l": normal(1, 2)},
    ),
    (
        "scale, offset and levels of shapes [(2,), (1,), (1, 2)] do not fit 2 outputs",
        [node("BinaryWeightConv2d", "x", *"wsol", domain=DOMAIN, channels=4)],
        {"w": np.zeros((2, 1, 3, 3), np.uint8), "s": normal(2), "o": normal(1), "l": normal(1, 2)},
    ),
    ("division by zero", [node("Div", "x", "k")], {"k": np.array([[[[0]]]], np.float32)}),
    ("axes [2]: those of channels", [node("ReduceMax", "x", "a")], {"a": np.array([2], I64)}),
    ("axes [1]: those of channels", [node("ReduceMean", "x", "a", keepdims=0)], {"a": np.array([1], I64)}),
    (
        "a constant of shape (10,): a scalar or one value a channel is supported",
        [node("Add", "x", "k")],
        {"k": normal(10)},
    ),
    (
        "shapes (1, 4, 6, 10) and (1, 4, 3, 5) differ",
        [node("AveragePool", "x", output="p", kernel_shape=[2, 2], strides=[2, 2]), node("Add", "x", "p")],
        {},
    ),
    (
        "shapes (1, 4, 6, 10) and (1, 3, 6, 10) differ",
        [node("Slice", "x", "s", "e", "a", output="p"), node("Mul", "x", "p")],
        {"s": np.array([0], I64), "e": np.array([3], I64), "a": np.array([1], I64)},
    ),
    ("up to 64 pixels with sides of 1 to 32", [node("AveragePool", "x", kernel_shape=[9, 9], strides=[2, 2])], {}),
    ("up to 64 pixels with sides of 1 to 32", [node("AveragePool", "x", kernel_shape=[33, 1])], {}),
    ("whose pads are counted", [node("AveragePool", "x", kernel_shape=[3, 3], pads=[1] * 4)], {}),
    ("its input is only 6x10", [node("AveragePool", "x", kernel_shape=[7, 2], strides=[2, 2])], {}),
    ("windows without dilations and ceil_mode", [node("AveragePool", "x", kernel_shape=[2, 2], ceil_mode=1)], {}),
    ("kernel_shape [17, 17]: two sides of 1 to 16 are supported", *max_pool(MAX_POOL + 1)),
    ("kernel_shape [3]: two sides", [node("MaxPool", "x", kernel_shape=[3], strides=[1, 1], pads=[0] * 4)], {}),
    ("pads [1, 3, 1, 1]: less than the kernel_shape [3, 3] are supported", *max_pool(pads=[1, 3, 1, 1])),
    *(
        (f"dilations {list(d)}: 2 of 1 or more are supported", *conv([1] * 4, dilations=list(d)))
        for d in ((0, 0), (1, -1), (1,), (1, 1, 1))
    ),
    ("dilations [1, 2]: [1, 1] is supported", *max_pool(dilations=[1, 2])),
    ("ceil_mode is not supported", *max_pool(ceil_mode=1)),
    ("auto_pad is not supported", *max_pool(auto_pad="SAME_LOWER")),
    ("Indices, is not supported", [node("MaxPool", "x", kernel_shape=[3, 3], output=["y", "i"])], {}),
    ("its window does not fit: the result is (1, 4, 0, 4)", *max_pool(7)),
    ("[1, 1, 2, 2] is supported", *resize("linear", "half_pixel", factor=3)),
    ("half_pixel is supported", *resize("linear", "align_corners")),
    ("is not supported", *resize("cubic", "half_pixel")),
    ("nearest with asymmetric and ceil is not supported", *resize("nearest", "asymmetric", nearest_mode="ceil")),
    ("only a concatenation of channels", [node("Concat", "x", "x", axis=2)], {}),
    ("only a split of channels", [node("Split", "x", output=["y", "z"], axis=2, num_outputs=2)], {}),
    ("only mode 'edge' is supported", *padded([0, 0, 0, 0, 0, 0, 1, 1], "constant")),
    ("channels [1, 0] are left out; use Slice", *padded([0, -1, 0, 0, 0, 0, 0, 0], "constant")),
    ("only an extension at the bottom and the right", *padded([0, 0, 1, 0, 0, 0, 0, 0])),
    ("only an extension at the bottom and the right", *padded([0, 0, 0, 0, 0, 1, 0, 0])),
    ("steps [17]: 1 to 16 are supported", *slices([0], [5], [2], [17])),
    ("steps [-1]: 1 to 16 are supported", *slices([-1], [-9], [2], [-1])),
    ("channels with step 2", *slices([0], [4], [1], [2])),
    ("channels, or height and width, not both at once", *slices([0, 0], [2, 3], [1, 2])),
    ("no row of 6 is from 4 to 4", *slices([4], [4], [2])),
    ("blocksize 3: 2, 4, 8 are supported", [node("DepthToSpace", "x", blocksize=3)], {}),
    ("only channels (axis 1) can be gathered", [node("Gather", "x", "o", axis=2)], {"o": np.arange(6)}),
    ("2 of 4 channels: a shuffle", [node("Gather", "x", "o", axis=1)], {"o": np.arange(2)}),
    ("there are 4 channels", [node("Gather", "x", "o", axis=1)], {"o": np.array([0, 2, 1, 7], I64)}),
    ("is no shuffle of equal groups", [node("Gather", "x", "o", axis=1)], {"o": np.array([1, 0, 2, 3], I64)}),
    ("no channel of 4 is from 3 to 2", *slices([3], [2], [1])),
    (
        "weights for 1 x 9 channels do not fit an input of 4",
        [node("BinaryConv2d", "x", *"wsoalt", domain=DOMAIN, channels=9)],
        {
            "w": np.zeros((2, 2, 3, 3), np.uint8),
            "s": normal(2),
            "o": normal(2),
            "a": np.array([-1, 1], np.float32),
            "l": np.array([[-1, 1]], np.float32),
            "t": normal(1),
        },
    ),
    ("do not fit", [node("Conv", "x", "w")], {"w": normal(6, 3, 3, 3)}),
    ("its window does not fit: the result is (1, 6, 0, 8)", [node("Conv", "x", "w")], {"w": normal(6, 4, 7, 3)}),
    *(
        (f"a bias of shape {b.shape} does not fit 6 outputs", [node("Conv", "x", "w", "b")], {**TWO, "b": b})
        for b in (normal(5), normal(1), normal(1, 6))
    ),
    (
        "constants of shape (3,) do not fit an input of 4 channels",
        [node("RPReLU", "x", "a", "a", "a", domain=DOMAIN)],
        {"a": normal(3)},
    ),
    ("do not fit", [node("BatchNormalization", "x", "a", "a", "a", "a")], {"a": np.abs(normal(3))}),
    ("do not fit", [node("Split", "x", "k", output=["y", "z"], axis=1)], {"k": np.array([1, 4], I64)}),
    ("operator Erf is not supported;", [node("Erf", "x")], {}),
    ("an output does not depend on the image", [node("Relu", "k")], {"k": normal(1, 1, 1, 1)}),
]


@pytest.mark.parametrize(
    ("message", "nodes", "constants"), REFUSED, ids=[f"{i}-{m[:30]}" for i, (m, *_) in enumerate(REFUSED)]
)
def test_refusals(message: str, nodes: list[onnx.NodeProto], constants: dict[str, Array]) -> None:
    """Fails where something else than ONNX means is compiled, or the one line does not name file and layer."""
    proto = model_of(nodes, constants)
    with pytest.raises(CompileError) as error:  # what ONNX's checker would refuse, too
        import_onnx(OnnxModel(proto, "net.onnx", ""), None)
    text = str(error.value)
    assert message in text
    assert "\n" not in text
    assert text.startswith("net.onnx: ")
    assert "layer 'y'" in text or "an output" in text
    with pytest.raises(CompileError, match=r"^net\.onnx: .*('y'|node name: y|an output)") as error:
        compiled(proto, normal(*SHAPE))
    assert "\n" not in str(error.value)
    assert message in str(error.value) or "not a valid ONNX model: " in str(error.value)


def test_dilations_of_a_later_average_pool() -> None:
    """Fails where an attribute that ONNX 19 added is passed over."""
    proto = model_of([node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], dilations=[2, 2])])
    proto.opset_import[0].version = 19
    with pytest.raises(CompileError, match=r"layer 'y' \(AveragePool\): windows without dilations"):
        compiled(proto, normal(*SHAPE))
