# SPDX-License-Identifier: Apache-2.0
"""The task of a model, by its metadata or its shapes and last operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import import_onnx
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.frontend.task import find_signature, infer_task, last_operators
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.signature import signature_of
from biisnet.compile.ir.stages import Program
from biisnet.compile.storage import Encoding, Float32, Integer
from biisnet.runtime.answers import own_threshold
from biisnet.runtime.platt import UNSCALED, Platt
from biisnet.runtime.signature import Signature, Tensor

Shape = tuple[int, int, int]


def program(source: Shape, *results: Shape, of: tuple[Encoding, Encoding] = (Float32(), Float32())) -> Program:
    """Without stages: what its inputs and outputs are, and how they are stored, is all that is asked."""
    outputs = [Buffer(f"out{n}", f"out{n}", *shape, of[1], external=n) for n, shape in enumerate(results)]
    return Program("net", [], [Buffer("image", "image", *source, of[0], external=0)], outputs)


def model(last: str = "Sigmoid", outputs: int = 1, **metadata: str) -> Any:
    """A chain that ends in `last`, and passes that on."""
    nodes = [helper.make_node("Relu", ["image"], ["x"])]
    for n in range(outputs):
        nodes += [helper.make_node(last, ["x"], [f"y{n}"]), helper.make_node("Identity", [f"y{n}"], [f"out{n}"])]
    shape = [1, 1, 8, 6]
    infos = [helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, shape) for n in range(outputs)]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
    proto = helper.make_model(
        helper.make_graph(nodes, "net", [image], infos), opset_imports=[helper.make_opsetid("", 18)]
    )
    proto.ir_version = 8
    onnx.helper.set_model_props(proto, metadata)
    return from_proto(proto, "net.onnx")


@pytest.mark.parametrize(
    ("source", "results", "last", "task", "meaning"),
    [
        ((1, 8, 6), [(1, 8, 6)], ["Sigmoid"], "detection", "probability"),
        ((1, 8, 6), [(1, 8, 6)], ["Relu"], "map", "map"),
        ((1, 8, 6), [(1, 8, 6)], ["Softmax"], "map", "map"),  # of one plane, it is 1 everywhere
        ((3, 8, 6), [(1, 8, 6)], ["Sigmoid"], "map", "map"),
        ((1, 8, 6), [(1, 4, 3)], ["Sigmoid"], "map", "map"),
        ((1, 8, 6), [(1, 8, 6), (1, 8, 6)], ["Sigmoid", "Sigmoid"], "map", "map"),
        ((3, 8, 6), [(4, 8, 6)], ["Softmax"], "segmentation", "probability"),
        ((1, 8, 6), [(2, 8, 6)], ["Sigmoid"], "segmentation", "probability"),
        ((1, 8, 6), [(2, 8, 6)], [""], "map", "map"),
        ((3, 8, 6), [(10, 1, 1)], [""], "classification", "scores"),
        ((1, 8, 6), [(1, 1, 1)], ["Sigmoid"], "classification", "scores"),
        ((1, 1, 1), [(1, 1, 1)], ["Sigmoid"], "detection", "probability"),
    ],
)
def test_by_shapes(source: Shape, results: list[Shape], last: list[str], task: str, meaning: str) -> None:
    found = program(source, *results)
    assert infer_task(signature_of(found), last) == task
    signature = signature_of(found, task)
    assert {t.meaning for t in signature.outputs} == {meaning}
    assert [t.shape for t in signature.outputs] == [(1, *shape) for shape in results]


def test_what_passes_values_on_is_looked_through() -> None:
    assert last_operators(model("Sigmoid", 2).proto.graph) == ["Sigmoid", "Sigmoid"]


def test_what_a_file_states_counts() -> None:
    plane = program((1, 8, 6), (1, 8, 6))
    assert find_signature(model(threshold="0.25"), plane).threshold == 0.25
    stated = find_signature(model(task="map"), plane)
    assert (stated.task, stated.threshold) == ("map", None)
    scored = {"com.biisnet.scores": "0.5,-1"}
    assert find_signature(model(**scored), plane).scores == Platt(0.5, -1)
    assert (
        find_signature(model(task="map", **scored), plane).scores == find_signature(model(), plane).scores == UNSCALED
    )
    assert find_signature(model("Relu", task="detection"), plane).task == "detection"


INTEGERS = (Integer("uint8"), Integer("int16"))


@pytest.mark.parametrize("task", [{}, {"task": "detection"}])
def test_logits_in_integers(task: dict[str, str]) -> None:
    """By its metadata, whatever its last operator is; the threshold stays a probability."""
    plane = program((1, 8, 6), (1, 8, 6), of=INTEGERS)
    stated = model("Relu", **{"com.biisnet.logit_scale": "0.0125", "threshold": "0.25"}, **task)
    signature = find_signature(stated, plane)
    assert signature == Signature(
        "detection",
        (Tensor("image", "uint8", (1, 1, 8, 6), "image"),),
        (Tensor("out0", "int16", (1, 1, 8, 6), "logit", 0.0125),),
        0.25,
    )
    assert own_threshold(signature) == -88  # ln(1/3) / 0.0125 is -87.9
    assert Signature.parse(signature.as_fields()) == signature
    scored = replace(signature, scores=Platt(0.1, -2.5))
    assert Signature.parse(scored.as_fields()) == scored
    assert scored.as_fields() == {**signature.as_fields(), "scores": {"slope": 0.1, "offset": -2.5}}
    of_maps = find_signature(model("Relu", task="map"), plane)
    assert [(t.dtype, t.meaning, t.scale) for t in of_maps.outputs] == [("int16", "map", None)]
    assert Signature.parse(of_maps.as_fields()) == of_maps


def test_a_scale_that_is_none() -> None:
    floats, plane = program((1, 8, 6), (1, 8, 6)), program((1, 8, 6), (1, 8, 6), of=INTEGERS)
    for scale in ("much", "nan", "0", "-1", "1e9"):
        with pytest.raises(CompileError, match=rf"says com\.biisnet\.logit_scale '{scale}'; export it again"):
            model(**{"com.biisnet.logit_scale": scale})
    with pytest.raises(CompileError, match=r"its metadata states no com\.biisnet\.logit_scale, which goes with logits"):
        find_signature(model(task="detection"), plane)
    with pytest.raises(CompileError, match=r"has com\.biisnet\.logit_scale, and no output is a logit in integers"):
        find_signature(model(**{"com.biisnet.logit_scale": "0.1"}), floats)


def test_what_cannot_be() -> None:
    with pytest.raises(CompileError, match=r"net\.onnx: its metadata says task 'guess'; export it again"):
        model(task="guess")
    with pytest.raises(CompileError, match=r"said to be detection, which is .*from \[1, 3, 8, 6\] to \[1, 1, 8, 6\]"):
        find_signature(model(task="detection"), program((3, 8, 6), (1, 8, 6)))


def test_more_outputs_than_a_plan_has() -> None:
    """Fails where a model compiles whose library makes no instance."""
    import_onnx(model(outputs=4), None)
    with pytest.raises(CompileError, match=r"net\.onnx: has 5 outputs; 4 are supported"):
        import_onnx(model(outputs=5), None)
