# SPDX-License-Identifier: Apache-2.0
"""The proof of what is compiled: whatever the file's metadata says, and equal to the proof of the file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.frontend.loader import LOGIT_SCALE, from_proto
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.plan import Plan
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.sums import Proof
from biisnet.compile.kernels import IntegerAdd, IntegerMix, IntegerTwoSlope, Load, Requantize, TileChannels
from biisnet.compile.passes.prove_sums import prove_sums
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.quantise import prove, quantise
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Integer
from biisnet.targets import resolve

from ..frontend.models import model_of, node
from ..quantise.networks import frames, u_network

SOURCE = Buffer("u", "u", 2, 4, 4, Integer())


def program_of(e: Expr, element: str = "int8") -> Program:
    """A program of one stage, called y."""
    out = Buffer("y", "y", e.channels, 4, 4, Integer(element))
    return Program("net", [Stage.of("y", ("y",), (e,), [out])], [SOURCE], [out])


def slopes(channels: int, n: list[int], p: list[int], source: Expr) -> IntegerTwoSlope:
    """Slopes for either sign."""
    return IntegerTwoSlope(channels, source, np.array(n, np.int8), np.array(p, np.int8))


@pytest.mark.parametrize(("bias", "found"), [(0, 127 * 127 + 60 * 127), (32767 - 23749, 32767), (32768 - 23749, None)])
def test_by_hand(bias: int, found: int | None) -> None:
    """Fails where a part of a sum is not counted, or one more than fits is let pass."""
    both = IntegerAdd(
        2, slopes(2, [0, 0], [127, 1], Load(2, SOURCE)), slopes(2, [1, 1], [60, 60], TileChannels(2, Load(1, SOURCE)))
    )
    program = program_of(Requantize(2, both, np.array([bias, 0], np.int16), 8))
    if found:
        assert prove_sums(program, "net.onnx") == Proof(2, found)
    else:
        with pytest.raises(CompileError, match=r"net\.onnx: layer 'y': its sums may be -128 to 32768, more than 16"):
            prove_sums(program, "net.onnx")


@pytest.mark.parametrize("beyond", [0, 1])
def test_halves(beyond: int) -> None:
    """Fails where the constant is not in the first half, or both halves are one sum."""
    n, p, bias = np.array([0, -128], np.int8), np.array([127, 127], np.int8), np.array([32767 - 127 * 127 + beyond])
    program = program_of(IntegerMix(1, SOURCE, n, p, bias.astype(np.int16)), "int16")
    if beyond:
        with pytest.raises(CompileError, match="layer 'y': its sums may be 0 to 32768"):
            prove_sums(program, "net.onnx")
    else:
        assert prove_sums(program, "net.onnx") == Proof(1, 32767)


@pytest.fixture(scope="module")
def integer() -> OnnxModel:
    """An integer network with every operator that there is."""
    return quantise(u_network(), frames(1, 8, 8))


def plan_of(model: OnnxModel) -> Plan:
    """The plan for this machine."""
    return make_plan(model, (24, 20), resolve("host"), Progress(PLAN_STEPS, lambda _: None), DEFAULT)


def test_as_the_file(integer: OnnxModel) -> None:
    """Fails where what is compiled has other sums than the file, or one is looked at twice."""
    assert plan_of(integer).proof == prove(integer)


def test_whatever_the_metadata_says(integer: OnnxModel) -> None:
    """Fails where an integer network without its property is compiled unproved."""
    proto = onnx.ModelProto()
    proto.CopyFrom(integer.proto)
    del proto.metadata_props[:]
    (bias,) = (t for t in proto.graph.initializer if t.name == "fused.b")
    bias.CopyFrom(numpy_helper.from_array(np.full(bias.dims[0], 32767, np.int32), "fused.b"))
    with pytest.raises(CompileError, match=r"net\.onnx: layer 'fused.*its sums may be .*more than 16 bits hold"):
        plan_of(from_proto(proto, "net.onnx"))


def test_floats_that_say_that_they_are_integers() -> None:
    """Fails where a float network's layers are said to be no operators of an integer one."""
    proto = model_of([node("Sigmoid", "x")], shape=(1, 1, 24, 20))
    helper.set_model_props(proto, {LOGIT_SCALE: "0.1"})
    with pytest.raises(CompileError, match=r"net\.onnx: its metadata has .*, and no output is a logit in integers"):
        plan_of(from_proto(proto, "net.onnx"))
