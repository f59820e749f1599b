# SPDX-License-Identifier: Apache-2.0
"""Cut: values of a network that are given from outside."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from biisnet.compile.errors import CompileError
from biisnet.compile.onnx_runtime import Cut


def network() -> onnx.ModelProto:
    """a = 2x, which two read; y = a + 1, z = a * a."""
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in (("two", 2.0), ("one", 1.0))
    ]
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["a"]),
        helper.make_node("Add", ["a", "one"], ["y"]),
        helper.make_node("Mul", ["a", "a"], ["z"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y", "z")]
    graph = helper.make_graph(nodes, "net", values[:1], values[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("shape", [[2], None])
def test_all_that_read_it_are_given_it(shape: list[int] | None) -> None:
    """Fails where what makes a value is no longer computed, or one of its readers still reads that."""
    x, given = np.float32([1, 2]), np.float32([10, 20])
    found = Cut(network(), {"a": shape}, "net.onnx").run({"x": x, "a": given})
    assert {name: value.tolist() for name, value in found.items()} == {"y": [11, 21], "z": [100, 400], "a": [2, 4]}


def test_the_network_is_not_changed() -> None:
    proto = network()
    Cut(proto, {"a": [2]}, "net.onnx")
    assert proto == network()


def test_an_output_that_is_cut_is_there_once() -> None:
    found = Cut(network(), {"y": [2]}, "net.onnx").run({"x": np.float32([1, 2]), "y": np.float32([0, 0])})
    assert list(found) == ["y", "z"]
    assert found["y"].tolist() == [3, 5]


def test_what_it_refuses_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Fails where ONNX Runtime's own log is shown beside it."""
    with pytest.raises(CompileError, match=r"^net\.onnx: ONNX Runtime cannot run it: ") as caught:
        Cut(network(), {"a": [2]}, "net.onnx").run({"x": np.zeros(2, np.float32), "a": np.zeros(3, np.float32)})
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_values_that_are_not_cut_may_be_outputs_too() -> None:
    found = Cut(network(), {"y": [2]}, "net.onnx", also=["a", "y"]).run(
        {"x": np.float32([1, 2]), "y": np.float32([0, 0])}
    )
    assert list(found) == ["y", "z", "a"]
    assert found["a"].tolist() == [2, 4]
