# SPDX-License-Identifier: Apache-2.0
"""Float network -> integer network: what it computes, that it is the same everywhere, and what has no integer form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel, load_model
from biisnet.compile.frontend.loader import LOGIT_SCALE, from_proto
from biisnet.compile.onnx_runtime import session
from biisnet.compile.quantise import is_integer, prove, quantise
from biisnet.model import shipped_onnx
from biisnet.model.scenes import scenes

from .networks import Maker, by_numpy, by_onnx_runtime, frames, u_network


@pytest.fixture(scope="module")
def small() -> tuple[OnnxModel, OnnxModel]:
    """A float network and its integer one."""
    model = u_network()
    return model, quantise(model, frames(3, 20, 24))


def float_logit(model: OnnxModel, frame: Any) -> Any:
    """The float network's logit on a frame [H, W]."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model.proto)
    maker = opened.graph.node[-1]
    assert maker.op_type == "Sigmoid"
    opened.graph.output.append(onnx.helper.make_tensor_value_info(maker.input[0], TensorProto.FLOAT, None))
    return session(opened).run([maker.input[0]], {"image": frame[None, None].astype(np.float32)})[0][0, 0]


def test_the_file(small: tuple[OnnxModel, OnnxModel]) -> None:
    """uint8 in, int16 out, sizes symbolic, metadata kept; no value of float32 in the graph."""
    model, integer = small
    graph = integer.proto.graph
    onnx.checker.check_model(integer.proto, full_check=True)
    assert [(i.name, i.type.tensor_type.elem_type) for i in graph.input] == [("image", TensorProto.UINT8)]
    assert [(o.name, o.type.tensor_type.elem_type) for o in graph.output] == [("logit", TensorProto.INT16)]
    assert graph.output[0].type.tensor_type.shape.dim[2].dim_param == "height"
    assert {o.domain: o.version for o in integer.proto.opset_import} == {"": 18, "com.biisnet": 2}
    assert not [t.name for t in graph.initializer if t.data_type == TensorProto.FLOAT]
    assert is_integer(integer)
    assert not is_integer(model)
    assert float(integer.metadata[LOGIT_SCALE]) > 0
    assert "no sum can overflow" in prove(integer).summary()


@given(st.integers(1, 19), st.integers(1, 19), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=12, deadline=None)
def test_numpy_is_onnx_runtime(
    small: tuple[OnnxModel, OnnxModel], height: int, width: int, extreme: bool, seed: int
) -> None:
    """Every map and the logits, at any size, on any frame: 0 differences."""
    _, integer = small
    rng = np.random.default_rng(seed)
    frame = rng.choice([0, 255], (height, width)) if extreme else rng.integers(0, 256, (height, width))
    found = by_onnx_runtime(integer.proto, frame.astype(np.uint8))
    expected = by_numpy(integer.proto, frame.astype(np.uint8))
    assert found["logit"].shape == (1, 1, height, width)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_it_computes_what_the_float_network_does(small: tuple[OnnxModel, OnnxModel]) -> None:
    """On frames that it was not calibrated on; flipped signs of maps near 0 make the rest."""
    model, integer = small
    for frame in frames(2, 20, 24, seed=7):
        wanted = float_logit(model, frame)
        found = by_onnx_runtime(integer.proto, frame)["logit"][0, 0] * float(integer.metadata[LOGIT_SCALE])
        assert np.corrcoef(wanted.ravel(), found.ravel())[0, 1] > 0.95
        assert abs((found - wanted).mean()) < 0.1 * wanted.std()


def test_equal_bytes(small: tuple[OnnxModel, OnnxModel]) -> None:
    model, integer = small
    assert quantise(model, frames(3, 20, 24)).data == integer.data
    assert quantise(model, frames(3, 20, 24, seed=1)).data != integer.data


def test_a_fixed_size() -> None:
    """Sides that are no multiples: extended and cropped as the float file does it."""
    integer = quantise(u_network(sides=(9, 7)), frames(2, 9, 7))
    assert [d.dim_value for d in integer.proto.graph.output[0].type.tensor_type.shape.dim] == [1, 1, 9, 7]
    frame = frames(1, 9, 7, seed=3)[0]
    np.testing.assert_array_equal(
        by_onnx_runtime(integer.proto, frame)["logit"], by_numpy(integer.proto, frame)["logit"]
    )


def test_the_shipped_network() -> None:
    """biisnet-lite on scenes: the same everywhere, the file's structure as it is documented, nearly the same mask."""
    path = shipped_onnx("biisnet-lite")
    assert path is not None
    model, said = load_model(path), []
    integer = quantise(model, [s.image.astype(np.uint8) for s in scenes(2, 64, 64)], said.append)
    assert [line for line in said if line.startswith("no sum can overflow: 481 sums")]
    kinds = [n.op_type for n in integer.proto.graph.node]
    assert kinds.count("IntegerBinaryConv2d") == kinds.count("IntegerHinge") == 6
    assert kinds.count("Requantize") == 16
    assert kinds.count("IntegerUpsample") == kinds.count("IntegerSumPool") == 2
    frame = scenes(3, 61, 50, seed=5)[2].image.astype(np.uint8)
    found, expected = by_onnx_runtime(integer.proto, frame), by_numpy(integer.proto, frame)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    wanted = float_logit(model, frame)
    assert np.corrcoef(wanted.ravel(), found["logit"].ravel())[0, 1] > 0.85  # signs flip, as they do between frames
    assert ((wanted > 0) == (found["logit"][0, 0] > 0)).mean() > 0.995


# ---- other layers ----


def plain(body: Callable[[Maker, str], str], channels: int = 8) -> OnnxModel:
    """embedding -> body -> head."""
    m = Maker(3)
    m.head(body(m, m.embed("image", "embedding", channels)), channels)
    return m.model(m.node("Sigmoid", ["head"], "probability"))


def clipped(m: Maker, x: str) -> str:
    bounds = [m.constant("low", np.float32(-0.7)), m.constant("high", np.float32(0.9))]
    m.node("Clip", [m.binary(x, "binary", 8, 8), *bounds], "clip")
    m.node("Clip", [m.node("Add", ["clip", x], "sum"), *bounds], "clip.map")
    return m.binary("clip.map", "second", 8, 8)


def grouped(m: Maker, x: str) -> str:
    y = m.binary(x, "binary", 8, 8, group=2, strides=[2, 1], dilations=[2, 2], pads=[2, 2, 2, 2])
    return m.node("LeakyRelu", [y], "relu", alpha=0.25)


def thresholds(m: Maker, x: str) -> str:
    """Of a map whose slopes bend back, and of one whose slopes fall."""
    slopes = [m.vector(f"maxout.{s}", -1, 1, 8) for s in ("positive", "negative")]
    y = m.node("MaxOut", [m.node("Relu", [x], "relu"), *slopes], "maxout", "com.biisnet")
    m.constant("other", m.rng.uniform(-0.5, 0.5, 8).astype(np.float32))
    y = m.binary(y, "binary", 8, 8)
    m.nodes[-1].input[-1] = "other"
    return y


def bent_back(m: Maker, x: str) -> str:
    slopes = [m.constant("down", np.full(8, -1, np.float32)), m.constant("up", np.full(8, 1, np.float32))]
    y = m.binary(m.node("MaxOut", [x, *slopes], "maxout", "com.biisnet"), "binary", 8, 8)
    m.constant("other", np.full(8, -0.5, np.float32))
    m.nodes[-1].input[-1] = "other"
    return y


def resized(m: Maker, x: str) -> str:
    """Extended by what the frame's size says, in the middle of the network, and cropped again."""
    axes = m.constant("axes", np.array([2, 3], np.int64))
    m.node("Shape", ["image"], "size", start=2)
    m.node("Mod", ["size", m.constant("four", np.array([4, 4], np.int64))], "more")
    m.node("Concat", [m.constant("before", np.zeros(2, np.int64)), "more"], "pads", axis=0)
    y = m.binary(m.node("Pad", [x, "pads", "", axes], "extend", mode="edge"), "binary", 8, 8)
    return m.node("Slice", [y, m.constant("origin", np.zeros(2, np.int64)), "size", axes], "crop")


def sliced(m: Maker, x: str) -> str:
    """Channels of a map, to different readers; one of them twice."""
    parts = ["a", "b", "c"]
    sizes = m.constant("sizes", np.array([2, 4, 2], np.int64))
    m.nodes.append(onnx.helper.make_node("Split", [x, sizes], parts, name="split", axis=1))
    m.node("Concat", ["c", "a"], "ends", axis=1)
    m.node("Add", ["ends", m.binary("b", "binary", 4, 4)], "sum")
    return m.node("Concat", [m.node("Relu", ["sum"], "relu"), "b"], "all", axis=1)


def repeated(m: Maker, x: str) -> str:
    """Weights of 0 and 1 are signs, and the sum of all activations, which all outputs share."""
    y = m.binary(x, "binary", 8, 8)
    m.constants["weight_levels"] = np.array([[0, 1]], np.float32)
    return m.node("Relu", [m.node("Add", [y, x], "sum")], "relu")


@pytest.mark.parametrize("body", [clipped, grouped, thresholds, bent_back, resized, sliced, repeated])
def test_other_layers(body: Callable[[Maker, str], str]) -> None:
    model = plain(body)
    integer = quantise(model, frames(2, 18, 22))
    frame = frames(1, 18, 22, seed=9)[0]
    found, expected = by_onnx_runtime(integer.proto, frame), by_numpy(integer.proto, frame)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    wanted = float_logit(model, frame)
    real = found["logit"][0, 0] * float(integer.metadata[LOGIT_SCALE])
    assert np.corrcoef(wanted.ravel(), real.ravel())[0, 1] > 0.9


def test_frames_of_several_channels() -> None:
    """Each with its own scale; the zero point of padding is the same."""
    m = Maker(4)
    m.node("Sub", ["image", m.constant("mean", np.float32(90))], "centred")
    m.node("Mul", ["centred", m.constant("scale", np.array([0.01, 0.05, -0.02], np.float32)[:, None, None])], "scaled")
    weight = m.constant("weight", m.rng.normal(size=(6, 3, 3, 3)).astype(np.float32))
    m.node("Conv", ["scaled", weight], "embedding", pads=[1] * 4)
    m.head(m.binary("embedding", "binary", 6, 6), 6)
    proto = m.proto(m.node("Sigmoid", ["head"], "probability"))
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3
    model = from_proto(proto, "colour.onnx")
    images = [np.stack(frames(3, 20, 24, seed)) for seed in range(4)]
    integer = quantise(model, images[:3])
    found = session(integer.proto).run(None, {"image": images[3][None]})[0][0, 0]
    probability = session(model.proto).run(None, {"image": images[3][None].astype(np.float32)})[0][0, 0]
    wanted = np.log(probability / (1 - probability))
    real = found * float(integer.metadata[LOGIT_SCALE])
    assert np.corrcoef(wanted.ravel(), real.ravel())[0, 1] > 0.9
    assert abs((real - wanted).mean()) < 0.1 * wanted.std()


def test_counts_that_are_cut_off_are_said() -> None:
    """40 channels of one sign: 180 of a byte's 127."""
    m = Maker(0)
    x = m.embed("image", "embedding", 40)
    m.constants["embedding.weight"][:] = 0
    m.constants["embedding.bias"][:] = np.linspace(1, 2, 40)
    m.binary(x, "binary", 40, 40)
    m.constants["binary.weight"][:] = 255
    m.head("binary", 40)
    said: list[str] = []
    quantise(m.model(m.node("Sigmoid", ["head"], "probability")), frames(1, 12, 12), said.append)
    assert any(line.startswith("note: layer 'binary': 69% of its counts do not fit a byte") for line in said), said


# ---- what has no integer form ----


def nearest(m: Maker, x: str) -> str:
    scales = m.constant("scales", np.array([1, 1, 2, 2], np.float32))
    attributes = {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor"}
    return m.node("Resize", [x, "", scales], "resize", mode="nearest", **attributes)


def odd(m: Maker, x: str) -> str:
    return m.binary(x, "binary", 8, 8, group=8)


def level(m: Maker, x: str) -> str:
    return m.binary(x, "binary", 8, 8, pad_value=-1.0)


def full(m: Maker, x: str) -> str:
    weight = m.constant("full.weight", m.rng.normal(size=(8, 8, 3, 3)).astype(np.float32))
    return m.node("Conv", [x, weight], "full", pads=[1] * 4)


def pooled(m: Maker, x: str) -> str:
    return m.node("MaxPool", [x], "pool", kernel_shape=[2, 2], strides=[2, 2])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (nearest, "layer 'resize' has no integer form: a nearest-neighbour Resize"),
        (odd, "layer 'binary' has no integer form: 1 channels a group"),
        (level, "layer 'binary' has no integer form: a binary convolution that pads with one of its levels"),
        (full, "layer 'full' has no integer form: a full-precision convolution of maps"),
        (pooled, "layer 'pool' has no integer form: max_pool2d has none"),
    ],
)
def test_layers_without_an_integer_form(body: Callable[[Maker, str], str], message: str) -> None:
    with pytest.raises(CompileError) as e:
        quantise(plain(body), frames(1, 8, 8))
    assert message in str(e.value)
    assert str(e.value).endswith("use --precision float32 [BN501]")


@pytest.mark.parametrize(
    ("group", "outputs", "side", "message"),
    [
        (3, 6, 3, "in groups of channels"),
        (1, 16, 10, "of 4800 weights; 4096 are supported"),
    ],
)
def test_a_convolution_of_the_frame_without_a_form(group: int, outputs: int, side: int, message: str) -> None:
    """Fails where it is calibrated, and refused only when it is compiled."""
    m = Maker()
    weight = m.rng.normal(size=(outputs, 3 // group, side, side)).astype(np.float32)
    m.node("Conv", ["image", m.constant("weight", weight)], "embedding", group=group)
    m.head("embedding", outputs)
    proto = m.proto(m.node("Sigmoid", ["head"], "probability"))
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3
    with pytest.raises(
        CompileError, match=f"layer 'embedding' has no integer form: a convolution of the frame {message}"
    ):
        quantise(from_proto(proto, "colour.onnx"), [np.zeros((3, 12, 12), np.uint8)])


@pytest.mark.parametrize(
    ("channels", "shape", "message"),
    [
        (1, (3, 8, 8), r"have 3 channels, and it takes 1; give uint8 \[H, W\]"),
        (3, (8, 8), r"have 1 channels, and it takes 3; give uint8 \[3, H, W\]"),
    ],
)
def test_frames_of_other_channels(channels: int, shape: tuple[int, ...], message: str) -> None:
    """Fails where they are broadcast, or end in numpy's error."""
    m = Maker()
    weight = m.constant("weight", m.rng.normal(size=(8, channels, 3, 3)).astype(np.float32))
    m.head(m.node("Conv", ["image", weight], "embedding", pads=[1] * 4), 8)
    proto = m.proto(m.node("Sigmoid", ["head"], "probability"))
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = channels
    with pytest.raises(CompileError, match=message):
        quantise(from_proto(proto, "net.onnx"), [np.zeros(shape, np.uint8)])


def test_the_first_is_named() -> None:
    with pytest.raises(CompileError, match="layer 'resize'"):
        quantise(plain(lambda m, x: full(m, nearest(m, x))), frames(1, 8, 8))


def same_size(m: Maker, x: str) -> str:
    m.node("Shape", ["embedding.centred"], "size", start=2)
    return m.node(
        "Slice",
        [x, m.constant("origin", np.zeros(2, np.int64)), "size", m.constant("axes", np.array([2, 3]))],
        "crop",
    )


def smaller(m: Maker, x: str) -> str:
    same_size(m, x)
    m.node("Sub", ["size", m.constant("one", np.array([1, 1], np.int64))], "less")
    m.nodes[-2].input[2] = "less"
    m.nodes[-1], m.nodes[-2] = m.nodes[-2], m.nodes[-1]
    return "crop"


def test_a_size_that_the_integer_network_has_not() -> None:
    integer = quantise(plain(same_size), frames(1, 8, 8))  # a crop of nothing is none
    assert "Slice" not in {n.op_type for n in integer.proto.graph.node}
    with pytest.raises(CompileError, match=r"layer 'crop': its size is computed from 'embedding\.centred', which"):
        quantise(plain(smaller), frames(1, 8, 8))


def test_ends_that_have_none() -> None:
    m = Maker(0)
    m.head(m.embed("image", "embedding", 4), 4)
    with pytest.raises(CompileError, match="a Sigmoid of one channel"):
        quantise(m.model("head"), frames(1, 8, 8))
    m = Maker(0)
    m.head(m.embed("image", "embedding", 4), 4)
    m.node("Mul", ["head", m.constant("two", np.float32(2))], "twice")
    m.node("Relu", ["twice"], "relu")
    with pytest.raises(CompileError, match="layer 'relu' has no integer form: it follows a 1x1 convolution"):
        quantise(m.model(m.node("Sigmoid", ["relu"], "probability")), frames(1, 8, 8))
    m = Maker(0)
    m.node("Relu", ["image"], "relu")
    with pytest.raises(CompileError, match="layer 'relu' has no integer form: it works on the frame itself"):
        quantise(m.model(m.node("Sigmoid", ["relu"], "probability")), frames(1, 8, 8))


def test_a_frame_that_is_padded_with_no_grey_level() -> None:
    m = Maker(0)
    m.head(m.embed("image", "embedding", 4), 4)
    m.constants["embedding.mean"] = np.float32(300)
    with pytest.raises(CompileError, match=r"layer 'embedding' has no integer form: .*grey levels \[300.0\]"):
        quantise(m.model(m.node("Sigmoid", ["head"], "probability")), frames(1, 8, 8))


def test_frames_that_cannot_be(small: tuple[OnnxModel, OnnxModel]) -> None:
    model, integer = small
    for images, message in (
        ([], "at least one frame"),
        ([np.zeros((4, 4), np.float32)], "are uint8 grey levels"),
        ([*frames(1, 4, 4), *frames(1, 4, 6)], "one is supported"),
    ):
        with pytest.raises(CompileError, match=message):
            quantise(model, images)  # type: ignore[arg-type]
    with pytest.raises(CompileError, match="is an integer network already"):
        quantise(integer, frames(1, 4, 4))
