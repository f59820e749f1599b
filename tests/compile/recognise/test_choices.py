# SPDX-License-Identifier: Apache-2.0
"""Outputs that are choices among scores: the scores are given instead."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from biisnet.compile.frontend.task import last_operators
from biisnet.compile.onnx_runtime import session
from biisnet.compile.recognise import recognise
from biisnet.compile.recognise.choices import without_choices

from .networks import C, Net

CLASSES = 10


def scores(net: Net) -> str:
    """A head of scores [1, CLASSES]."""
    y = net.op("Flatten", net.op("GlobalAveragePool", net.stem()), axis=1)
    return net.op("Gemm", y, net.normal(CLASSES, C), net.normal(CLASSES), transB=1)


def file_of(net: Net, outputs: dict[str, int]) -> onnx.ModelProto:
    """The file with several outputs, of values and their types."""
    infos = [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()]
    graph = helper.make_graph(net.nodes, "net", net.inputs, infos, net.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_other_files_are_not_touched() -> None:
    """Fails where a file without a choice is copied, or something is said of it."""
    net = Net()
    proto = file_of(net, {scores(net): TensorProto.FLOAT})
    found, notes = without_choices(proto)
    assert found is proto
    assert not notes


@pytest.mark.parametrize("passed_on", [[], ["Cast"], ["Squeeze", "Identity"]])
def test_arg_max(passed_on: list[str]) -> None:
    """Fails where the scores are others than those whose largest the file names."""
    net = Net()
    y = net.op("ArgMax", scores(net), axis=1, keepdims=1)
    kind = TensorProto.INT64
    for op_type in passed_on:
        y = net.op(op_type, y, **({"to": TensorProto.INT32} if op_type == "Cast" else {}))
        kind = TensorProto.INT32 if op_type == "Cast" else kind
    proto = file_of(net, {y: kind})
    found, notes = without_choices(proto)
    assert notes == {y: "the scores that ArgMax chooses among, not the choice"}
    assert not {"ArgMax", *passed_on[:1]} & {n.op_type for n in found.graph.node}
    image = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    (ours,), (theirs,) = (session(p).run(None, {"image": image}) for p in (found, proto))
    assert ours.shape == (1, CLASSES)
    assert ours.argmax() == theirs.item()


def test_top_k_has_two_outputs() -> None:
    """Fails where values and indices of one TopK give the scores twice, or its k is left in the graph."""
    net = Net()
    y = net.op("TopK", scores(net), np.array([3]), outputs=2)
    found, notes = without_choices(file_of(net, {y: TensorProto.FLOAT, f"{y}.1": TensorProto.INT64}))
    assert [o.name for o in found.graph.output] == [y]
    assert notes[f"{y}.1"] == f"left out: '{y}' is the scores that TopK chooses among"
    assert "TopK" not in {n.op_type for n in found.graph.node}


def test_scores_that_are_an_output_too() -> None:
    """Fails where a network that gives scores and their best class gives its scores twice."""
    net = Net()
    s = scores(net)
    best = net.op("ArgMax", s, axis=1)
    found, notes = without_choices(file_of(net, {s: TensorProto.FLOAT, best: TensorProto.INT64}))
    assert [o.name for o in found.graph.output] == [s]
    assert list(notes) == [best]


def test_a_choice_within_the_network_stays() -> None:
    """Fails where an ArgMax that a layer reads is taken for an output."""
    net = Net()
    y = net.op("Cast", net.op("ArgMax", net.stem(), axis=1, keepdims=1), to=TensorProto.FLOAT)
    proto = file_of(net, {net.op("Add", y, net.normal(1)): TensorProto.FLOAT})
    assert without_choices(proto)[0] is proto


def test_a_softmax_in_parts_is_one() -> None:
    """Fails where a rewritten network's probabilities are taken for any map of numbers."""
    net = Net()
    model = net.model(net.op("Softmax", net.conv(net.stem(), net.normal(4, C, 1, 1)), axis=1))
    assert last_operators(recognise(model, None).model.proto.graph) == ["Softmax"]
    y = net.op("Exp", net.stem())
    other = net.model(net.op("Div", y, net.op("ReduceSum", net.op("Relu", y), np.array([1]))))
    assert last_operators(other.proto.graph) == ["Div"]


def test_no_constants_are_lost() -> None:
    """Fails where the graph without a choice lacks what its scores are made of."""
    net = Net()
    y = net.op("ArgMax", scores(net), axis=1)
    found, _ = without_choices(file_of(net, {y: TensorProto.INT64}))
    onnx.checker.check_model(found)
    assert {t.name for t in found.graph.initializer} == {c.name for c in net.constants}
    assert all(numpy_helper.to_array(t).size for t in found.graph.initializer)


def test_the_smallest_are_no_classes() -> None:
    """Fails where the nearest of some distances would be named by the largest."""
    net = Net()
    y = net.op("TopK", scores(net), np.array([3]), outputs=2, largest=0)
    proto = file_of(net, {y: TensorProto.FLOAT, f"{y}.1": TensorProto.INT64})
    assert without_choices(proto) == (proto, {})
