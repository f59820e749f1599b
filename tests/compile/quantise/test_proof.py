# SPDX-License-Identifier: Apache-2.0
"""The proof: of a file, not of what made it; a sum that some frame drives out of 16 bits is found."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.ir.sums import Proof
from biisnet.compile.quantise import prove, quantise
from biisnet.compile.quantise.intervals import slope_ends
from biisnet.ops import DOMAIN, INTEGER_VERSION, OPSET, functions
from biisnet.ops.requantize import INT16

from .networks import frames, u_network


def file_of(nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], out: int = TensorProto.INT8) -> OnnxModel:
    """An integer file from `image` uint8 to `y`."""
    return from_proto(proto_of(nodes, constants, out), "net.onnx")


def proto_of(
    nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], out: int = TensorProto.INT8
) -> onnx.ModelProto:
    """The same, whether ONNX takes it or not."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 1, 4, 4])],
        [helper.make_tensor_value_info("y", out, [1, "c", "h", "w"])],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    used = {n.op_type for n in nodes}
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, INTEGER_VERSION)],
        functions=[f for f in functions(INTEGER_VERSION) if f.name in used],
        ir_version=10,
    )


def own(op: str, inputs: list[str], output: str, **attributes: int) -> onnx.NodeProto:
    return helper.make_node(op, inputs, [output], name=output, domain=DOMAIN, **attributes)


EMBED = [
    helper.make_node("ConvInteger", ["image", "w", "zero"], ["sum"], name="sum"),
    own("Requantize", ["sum", "b"], "map", shift=7),
]
CONSTANTS = {
    "w": np.array([100, -100], np.int8).reshape(2, 1, 1, 1),
    "zero": np.array(55, np.uint8),
    "b": np.array([7, -7], np.int32),
    "n": np.array([-128, 5], np.int8),
    "p": np.array([100, 127], np.int8),
    "c": np.array([0, 16000], np.int32),
}
SLOPE = [*EMBED, own("IntegerTwoSlope", ["map", "n", "p"], "slope"), own("Requantize", ["slope", "c"], "y", shift=8)]


def test_what_is_looked_at() -> None:
    """200 grey levels above the zero point, 55 below; a byte by its slope; the constant on top."""
    proof = prove(file_of(SLOPE, CONSTANTS))
    assert proof.sums == 4
    assert proof.largest == 127 * 127 + 16000
    assert proof.summary() == "no sum can overflow: 4 sums, the largest 32 129 of 32 767"
    assert Proof(1, 32768).summary() == "no sum can overflow: 1 sums, the largest 32 768 of 32 768"  # below 0


@pytest.mark.parametrize(
    ("constant", "values", "layer"),
    [
        ("c", [0, 17000], r"layer 'y' \(Requantize\): its sums may be 0 to 33129"),
        ("b", [30000, 0], r"layer 'map' \(Requantize\): its sums may be -20000 to 50000"),
    ],
)
def test_a_sum_that_overflows(constant: str, values: list[int], layer: str) -> None:
    with pytest.raises(CompileError, match=layer):
        prove(file_of(SLOPE, CONSTANTS | {constant: np.array(values, np.int32)}))


@pytest.mark.parametrize("beyond", [0, 1])
def test_one_more_is_too_much(beyond: int) -> None:
    """Of a network that was quantised: a map's constant can be moved to the end of 16 bits, and not beyond."""
    integer = quantise(u_network(), frames(1, 8, 8))
    constants = {t.name: t for t in integer.proto.graph.initializer}
    names = [(f"fused.slope.{i}.n", f"fused.slope.{i}.p") for i in (0, 1)]
    ends = [slope_ends(*(numpy_helper.to_array(constants[c]) for c in pair))[1] for pair in names]
    b = (32767 - ends[0] - ends[1] + beyond).astype(np.int32)
    constants["fused.b"].CopyFrom(numpy_helper.from_array(b, "fused.b"))
    changed = from_proto(integer.proto, "net.onnx")
    if beyond:
        with pytest.raises(CompileError, match=r"layer 'fused' \(Requantize\): its sums may be .* to 32768"):
            prove(changed)
    else:
        assert prove(changed).largest == 32767


def test_operators_of_others() -> None:
    nodes = [*EMBED, helper.make_node("Relu", ["map"], ["y"], name="y")]
    with pytest.raises(CompileError, match=r"layer 'y' \(Relu\): is no operator of an integer network"):
        prove(file_of(nodes, CONSTANTS))


@pytest.mark.parametrize("zero", [None, "", np.array([0], np.uint8), np.array([9], np.uint8), np.array(9, np.uint8)])
def test_zero_points(zero: np.ndarray | str | None) -> None:
    """Fails where one that is left out, or has a shape, is no number: the embedding's sums are its 255 levels."""
    inputs, constants = ["image", "w"], CONSTANTS
    if isinstance(zero, np.ndarray):
        inputs, constants = [*inputs, "zero"], CONSTANTS | {"zero": zero}
    elif zero is not None:
        inputs = [*inputs, ""]
    first = helper.make_node("ConvInteger", inputs, ["sum"], name="sum")
    level = 255 - int(zero.ravel()[0]) if isinstance(zero, np.ndarray) else 255
    assert prove(OnnxModel(proto_of([first, EMBED[1]], constants), "net.onnx", "")).largest == 100 * level + 7


LINE = [own("IntegerHinge", ["count", "n", "n", "n"], "slope"), own("Requantize", ["slope", "b"], "y")]
COUNT = own("IntegerBinaryConv2d", ["map", "bits", "t"], "count")
COUNTED = CONSTANTS | {"bits": np.ones((2, 2, 1, 1), np.int8), "t": np.zeros(2, np.int16)}


@pytest.mark.parametrize(
    ("message", "nodes", "constants"),
    [
        (
            "its weights are -1 and +1",
            [*EMBED, COUNT, *LINE],
            {**COUNTED, "bits": np.full((2, 2, 1, 1), 100, np.int8)},
        ),
        (
            "it pads with a constant",
            [*EMBED, COUNT, helper.make_node("Pad", ["count", "pads", "value"], ["far"], name="far"), *LINE],
            {**COUNTED, "pads": np.array([0, 0, 0, 0, 0, 0, 1, 1]), "value": np.array(127, np.int8)},
        ),
        (
            "its input is no grey level",
            [*EMBED, helper.make_node("ConvInteger", ["map", "v", "low"], ["far"], name="far")],
            {**CONSTANTS, "v": np.ones((1, 2, 1, 1), np.int8), "low": np.array(0, np.int8)},
        ),
        (
            "its weights have a zero point",
            [helper.make_node("ConvInteger", ["image", "w", "zero", "low"], ["sum"], name="far"), EMBED[1]],
            {**CONSTANTS, "low": np.array([5], np.int8)},
        ),
        (
            "it adds up channels that share a constant",
            [
                *EMBED,
                own("IntegerTwoSlope", ["map", "one", "one"], "slope"),
                helper.make_node("ReduceSum", ["slope", "axis"], ["total"], name="total", keepdims=1),
            ],
            {**CONSTANTS, "one": np.array([127], np.int8), "axis": np.array([1])},
        ),
    ],
)
def test_what_is_not_proved(message: str, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray]) -> None:
    """Fails where a sum counts for less than it may be, because an input is taken for what it is not."""
    with pytest.raises(CompileError, match=re.escape(f"its inputs do not fit: {message}")):
        prove(OnnxModel(proto_of(nodes, constants), "net.onnx", ""))


def test_a_frame_of_no_levels() -> None:
    """Fails where a number from outside is taken for a byte."""
    proto = proto_of(EMBED, CONSTANTS)
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    with pytest.raises(CompileError, match=r"net\.onnx: input 'image': an integer network's is uint8"):
        prove(OnnxModel(proto, "net.onnx", ""))


def test_what_is_more_than_a_byte_has_no_slope() -> None:
    """16 bits, or the frame itself, where a byte is taken for granted."""
    wide = [EMBED[0], own("Requantize", ["sum", "b"], "map", to=INT16), *SLOPE[2:]]
    frame = [own("IntegerTwoSlope", ["image", "n", "p"], "slope"), SLOPE[-1]]
    for nodes in (wide, frame):
        with pytest.raises(CompileError, match="its input is more than a byte"):
            prove(file_of(nodes, CONSTANTS))


def test_sums_over_channels_stay_in_halves() -> None:
    """Each half fits, both together would not: right for 16 bits, which saturate, and for nothing else."""
    constants = CONSTANTS | {"axis": np.array([1]), "d": np.array([0], np.int32), "n": np.array([-128, -128], np.int8)}
    reduced = [*SLOPE[:3], helper.make_node("ReduceSum", ["slope", "axis"], ["total"], name="total", keepdims=1)]
    wide = [*reduced, own("Requantize", ["total", "d"], "y", to=INT16)]
    assert prove(file_of(wide, constants | {"d": np.array([16383], np.int32)}, TensorProto.INT16)).largest == 32767
    with pytest.raises(CompileError, match="layer 'y'"):
        prove(file_of(wide, constants | {"d": np.array([16384], np.int32)}, TensorProto.INT16))
    with pytest.raises(CompileError, match="is requantised to 16 bits"):
        prove(file_of([*reduced, own("Requantize", ["total", "d"], "y")], constants))
