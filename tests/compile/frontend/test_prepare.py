# SPDX-License-Identifier: Apache-2.0
"""The task and the normalisation that a user says of a network."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend.loader import OnnxModel, from_proto
from biisnet.compile.frontend.prepare import MEAN, STD, Normalisation, prepare
from biisnet.runtime.platt import UNSCALED, Platt

SIZE = (4, 5)


def network(shape: tuple[int, ...], *, cast: bool = False, turn: bool = False) -> OnnxModel:
    """The image itself, after what files begin with."""
    nodes, value = [], "image"
    if cast:
        nodes, value = [helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT)], "floats"
    if turn:
        nodes.append(helper.make_node("Transpose", [value], ["turned"], perm=[0, 3, 1, 2]))
        value = "turned"
    nodes.append(helper.make_node("Identity", [value], ["y"]))
    kind = TensorProto.UINT8 if cast else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, None, None, None])],
    )
    return from_proto(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), "a.onnx")


def run(model: OnnxModel, image: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(model.proto)
    return onnxruntime.InferenceSession(model.data).run(None, {"image": image})[0]


@pytest.mark.parametrize(("cast", "turn"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("unit", [1, 255])
def test_normalisation(cast: bool, turn: bool, unit: int) -> None:
    """Fails where other numbers reach the network, of either unit or behind what files begin with."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    shape = (1, *SIZE, 3) if turn else (1, 3, *SIZE)
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8 if cast else np.float32)
    found = Normalisation.of(tuple(unit * mean), tuple(unit * std))
    model = prepare(network(shape, cast=cast, turn=turn), None, found)
    planes = image.transpose(0, 3, 1, 2) if turn else image
    expected = (planes / 255 - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(run(model, image), expected, atol=1e-6)
    assert model.metadata[MEAN] == "123.675,116.28,103.53"
    assert model.metadata[STD] == "58.395,57.12,57.375"


def test_one_number_for_all() -> None:
    for mean, std, expected in (
        ((0.5,), (0.5,), lambda x: x / 127.5 - 1),
        ((127.5,), (127.5,), lambda x: x / 127.5 - 1),
        ((), (255,), lambda x: x / 255),
        ((), (1,), lambda x: x / 255),
        ((128,), (), lambda x: x - 128),
        ((0, 10, 20), (2,), lambda x: (x - np.array([0, 10, 20])[:, None, None]) / 2),
    ):
        image = np.random.default_rng(0).integers(0, 256, (1, 3, *SIZE)).astype(np.float32)
        model = prepare(network((1, 3, *SIZE)), None, Normalisation.of(mean, std))
        np.testing.assert_allclose(run(model, image), expected(image), rtol=1e-5, atol=1e-5)


def test_what_is_no_normalisation() -> None:
    for mean, std, message in (
        ((1,), (0,), "of --std above 0"),
        ((float("nan"),), (1,), "finite numbers"),
        ((123, 116, 103), (0.229, 0.224, 0.225), "one is of levels 0 to 255, the other of pixels 0 to 1"),
        ((0.5,), (255,), "one is of levels 0 to 255, the other of pixels 0 to 1"),
        ((1, 2), (1, 2, 3), "--mean has 2 numbers, --std 3"),
    ):
        with pytest.raises(CompileError, match=message):
            Normalisation.of(mean, std)
    with pytest.raises(CompileError, match=r"a.onnx: --mean and --std are of 3 channels, its image is \[1, 1, 4, 5\]"):
        prepare(network((1, 1, *SIZE)), None, Normalisation.of((1, 2, 3), (1, 2, 3)))
    model = network((1, 1, *SIZE), cast=True)
    model.proto.graph.node[0].attribute[0].i = TensorProto.DOUBLE
    with pytest.raises(
        CompileError, match=r"its image is uint8, and --mean and --std are of float32; export the network in float32"
    ):
        prepare(model, None, Normalisation.of((1,), (2,)))


def test_threshold() -> None:
    """In the file, to the last bit; it says that the file is for detection."""
    model = network((1, 1, *SIZE))
    told = prepare(model, threshold=float(np.float32(0.9999997)))
    assert told.threshold == float(np.float32(0.9999997))
    assert (told.task, told.metadata["prepared_from"], told.sha256 != model.sha256) == ("detection", model.sha256, True)
    assert prepare(told, threshold=0.25).threshold == 0.25
    assert prepare(model, "detection", threshold=0).threshold == 0
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(CompileError, match="give a probability from 0 to 1"):
            prepare(model, threshold=wrong)
    for other in (prepare(model, "map"), model):
        with pytest.raises(CompileError, match=r"a\.onnx: is for map; --threshold is for detection"):
            prepare(other, "map" if other is model else None, threshold=0.5)


def test_scores() -> None:
    """In the file, to the last bit, beside what else it says; they say that it is for detection."""
    model, scores = network((1, 1, *SIZE)), Platt(0.1 + 0.2, -1e-7)
    assert model.scores == UNSCALED
    told = prepare(model, threshold=0.25, scores=str(scores))
    assert (told.scores, told.threshold, told.task) == (scores, 0.25, "detection")
    assert prepare(told, threshold=0.5).scores == scores
    assert prepare(told, scores="1,0").scores == UNSCALED
    with pytest.raises(CompileError, match="--scores 0,0: give SLOPE,OFFSET, finite numbers, the slope above 0"):
        prepare(model, scores="0,0")
    for other in (prepare(model, "map"), model):
        with pytest.raises(CompileError, match=r"a\.onnx: is for map; --scores is for detection"):
            prepare(other, "map" if other is model else None, scores="0.5,0")


def test_task() -> None:
    """Fails where the file does not keep it, or where nothing was said and the bytes are others."""
    model = network((1, 1, *SIZE))
    assert prepare(model) is model
    told = prepare(model, "segmentation")
    assert (told.task, told.metadata["prepared_from"], told.name) == ("segmentation", model.sha256, "a")
    assert onnx.ModelProto.FromString(told.data) == told.proto
    with pytest.raises(CompileError, match="--task seeing: give map, detection, segmentation or classification"):
        prepare(model, "seeing")
