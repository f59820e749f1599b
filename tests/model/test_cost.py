# SPDX-License-Identifier: Apache-2.0
"""Params and OPs as the paper counts them, from the shipped ONNX file."""

import onnx
import pytest

from biisnet.model import shipped_onnx
from biisnet.model.cost import count
from biisnet.model.shapes import settle, shapes_of


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    path = shipped_onnx()
    assert path is not None
    return onnx.load(path)


def test_default_network_is_10k_and_0_35g(model: onnx.ModelProto) -> None:
    cost = count(model)
    assert (cost.binary_params, cost.full_params) == (157_408, 4_837)
    assert cost.params == 9_756
    assert round(cost.ops / 1e9, 4) == 0.3501
    assert cost.size == (512, 512)


def test_one_row_an_operator(model: onnx.ModelProto) -> None:
    rows = {layer.name: layer for layer in count(model, (256, 128)).layers}
    embedding, binary = rows["embedding"], rows["encoder.1.2.binary"]
    assert (embedding.kind, embedding.full_params) == ("Conv", 16 * 9 + 16)
    assert embedding.full_macs == 16 * 9 * 256 * 128
    assert (binary.kind, binary.output_shape) == ("BinaryConv2d", (1, 32, 128, 64))
    assert (binary.binary_params, binary.full_params) == (32 * 32 * 9, 64)
    assert (binary.binary_macs, binary.full_macs) == (32 * 32 * 9 * 128 * 64, 0)
    dot = rows["downsample.1.0"]
    assert (dot.binary_params, dot.full_params, dot.binary_macs) == (32, 2, 32 * 64 * 32)
    assert (rows["bottleneck.0.binary.rprelu"].full_params, rows["bottleneck.0.dot.maxout"].full_params) == (
        192,
        128,
    )
    kinds = [layer.kind for layer in rows.values()]
    assert kinds.count("BinaryConv2d") == kinds.count("RPReLU") == kinds.count("ReDistribution") == 14
    assert kinds.count("DotBinaryConv2d") == kinds.count("MaxOut") == 14 + 4 + 4 + 4


def test_odd_sizes_cost_what_their_extension_costs(model: onnx.ModelProto) -> None:
    assert count(model, (509, 511)).ops == count(model, (512, 512)).ops
    assert count(model, (1, 1)).ops == count(model, (4, 4)).ops


def test_a_size_is_needed(model: onnx.ModelProto) -> None:
    with pytest.raises(ValueError, match="give a size"):
        count(model, None)
    with pytest.raises(ValueError, match="is for a side of 64, not 512"):
        count(settle(model, (64, 64)))


def test_settled_models_have_only_numbers(model: onnx.ModelProto) -> None:
    settled = settle(model, (30, 33))
    onnx.checker.check_model(settled, full_check=True)
    shapes = shapes_of(settled.graph)
    assert shapes["probability"] == (1, 1, 30, 33)
    assert shapes["extend"] == (1, 1, 32, 36)
    assert shapes["bottleneck.0.binary"] == (1, 64, 8, 9)
    assert not {"Shape", "Mod", "Sub"} & {node.op_type for node in settled.graph.node if node.name != "normalise.sub"}
    assert all(isinstance(side, int) for node in settled.graph.node for side in shapes[node.output[0]])
    assert "Shape" in {node.op_type for node in model.graph.node}
