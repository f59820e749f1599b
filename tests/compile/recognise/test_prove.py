# SPDX-License-Identifier: Apache-2.0
"""The proof finds a rewriting that is wrong, however little: faults are put into the rewritten network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from biisnet.compile.errors import CompileError
from biisnet.compile.recognise import recognise, rewriting
from biisnet.compile.recognise.prove import before_clamps

from .networks import C, Net

SIZES = {"64 pixels": 8, "16 pixels": 4, "1 pixel": 1}
Fault = Callable[[np.ndarray], np.ndarray]


def residual(side: int, scale: float) -> tuple[Net, str]:
    """x + scale conv(x >= 0.5 ? 1 : -1), whose shortcut carries whatever x is."""
    net = Net((1, 3, side, side))
    x = net.stem()
    at_least = net.op("GreaterOrEqual", x, np.full((1, C, 1, 1), 0.5, np.float32))
    signs = net.op("Where", at_least, np.float32(1), np.float32(-1))
    return net, net.op("Add", x, net.op("Mul", net.conv(signs, net.signs(C, C, 3, 3)), np.float32(scale)))


@pytest.mark.parametrize(
    "keep",
    [
        lambda n, x: n.op("LeakyRelu", x),
        lambda n, x: n.op("LeakyRelu", x, alpha=1e-4),
        lambda n, x: n.op("Mul", x, np.float32(0.01)),
        lambda n, x: n.op("Div", x, np.float32(255)),
        lambda n, x: n.op("Tanh", n.op("Mul", x, np.float32(1e-3))),
    ],
)
def test_what_underflows_is_no_difference(keep: Callable[[Net, str], str]) -> None:
    """Fails where a network is refused since Sign(x / 100) is 0 for a number that is nearly 0."""
    net = Net((1, 3, 4, 4))
    last = net.conv(net.op("Sign", keep(net, net.stem())), net.signs(C, C, 3, 3))
    found = recognise(net.model(last), None)
    assert found.proof
    assert [n.op_type for n in found.model.proto.graph.node if n.op_type in ("LeakyRelu", "Mul", "Div", "Tanh")] == []


def test_sums_that_are_nearly_zero_before_a_pool() -> None:
    """Fails where a network is refused since rounding decides the sign of a sum that is 0, and no cut is before it."""
    net = Net((1, 3, 10, 10))
    weight = (
        net.signs(C, C, 2, 2) * np.float32(0.014) * net.rng.choice(np.float32([1, 1 + 2e-7, 1 - 2e-7]), (C, C, 2, 2))
    )
    counted = net.conv(net.op("Sign", net.stem()), weight, pads=[0, 0, 0, 0])
    pooled = net.op("MaxPool", net.op("Sign", counted), kernel_shape=[2, 2], strides=[2, 2])
    positive = net.op("Where", net.op("Equal", pooled, np.float32(0)), np.float32(1), pooled)
    found = recognise(net.model(net.conv(positive, net.signs(C, C, 3, 3))), None)
    assert "cut at 2 maps" in found.proof


def next_number(threshold: np.ndarray) -> np.ndarray:
    """Thresholds that only numbers beyond them reach."""
    return np.nextafter(threshold, np.float32(np.inf))


def other_bit(weight: np.ndarray) -> np.ndarray:
    """One weight of all, of the other sign."""
    changed = weight.copy()
    changed[0, 0, 1, 1] ^= 1
    return changed


def last_scale(scale: np.ndarray) -> np.ndarray:
    """One channel's scale, a little larger."""
    changed = np.broadcast_to(scale, (C,)).copy()
    changed[-1] *= np.float32(1.01)
    return changed


FAULTS: dict[str, tuple[int, Fault]] = {
    "threshold": (6, next_number), "weight": (1, other_bit), "scale": (2, last_scale)
}  # fmt: skip
"""Name -> which input of the BinaryConv2d it is of, and what becomes of it."""


def with_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next network be rewritten so."""
    (index, change), finished = FAULTS[fault], rewriting.finished

    def wrong(*given: object) -> onnx.ModelProto:
        proto: onnx.ModelProto = finished(*given)  # type: ignore[arg-type]
        (node,) = (n for n in proto.graph.node if n.op_type == "BinaryConv2d")
        tensor = next(t for t in proto.graph.initializer if t.name == node.input[index])
        tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), tensor.name))
        return proto

    monkeypatch.setattr(rewriting, "finished", wrong)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault: str, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a wrong sign at a threshold, a wrong weight or a wrong scale is taken for rounding."""
    net, last = residual(SIZES[size], 1e-3)
    assert recognise(net.model(last), None).proof
    with_fault(fault, monkeypatch)
    with pytest.raises(CompileError, match=r"changes '.+' by .+ of its largest value; .* \[BN207\]"):
        recognise(net.model(last), None)


def averaged(side: int = 64) -> tuple[Net, str]:
    """The mean of all pixels of a binary convolution's map, and scores of it."""
    net = Net((1, 3, side, side))
    x = net.norm(net.conv(net.op("Sign", net.stem()), net.signs(C, C, 3, 3)))
    mean = net.op("ReduceMean", x, axes=[2, 3], keepdims=0)
    return net, net.op("Gemm", mean, net.normal(10, C), net.normal(10), transB=1)


def test_an_average_of_many() -> None:
    """Fails where a right network is refused since numbers of both signs cancel in a mean, and rounding does not."""
    net, last = averaged()
    found = recognise(net.model(last), None, 1)
    assert "cut at 2 maps" in found.proof
    assert float(found.proof.split("at most ")[1].split()[0]) < 2e-6


def test_a_fault_before_an_average(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where one of 576 weights may be wrong, since all that is seen of it is a mean."""
    with_fault("weight", monkeypatch)
    net, last = averaged()
    with pytest.raises(CompileError, match=r"changes '.+' by .+ of its largest value; .* \[BN207\]"):
        recognise(net.model(last), None, 1)


@pytest.mark.parametrize("moved", [False, True])
def test_beside_a_sign_that_the_user_decides(moved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where the user's word on 0 hides a wrong threshold of the same map, or refuses a right one."""
    net = Net((1, 3, 4, 4))
    x = net.op("Add", net.stem(), net.stem())
    signs = net.conv(net.op("Sign", x), net.signs(C, C, 3, 3))
    steps = net.op("Where", net.op("GreaterOrEqual", x, np.float32(0.25)), np.float32(1), np.float32(-1))
    last = net.op("Add", signs, net.conv(steps, net.signs(C, C, 3, 3)))
    finished = rewriting.finished

    def wrong(*given: object) -> onnx.ModelProto:
        proto: onnx.ModelProto = finished(*given)  # type: ignore[arg-type]
        for tensor in proto.graph.initializer:
            array = numpy_helper.to_array(tensor)
            if array.dtype == np.float32 and array.size == 1 and array.item() == 0.25:
                tensor.CopyFrom(numpy_helper.from_array(next_number(array), tensor.name))
        return proto

    if moved:
        monkeypatch.setattr(rewriting, "finished", wrong)
        with pytest.raises(CompileError, match="BN207"):
            recognise(net.model(last), None, sign_of_zero=1)
    else:
        assert recognise(net.model(last), None, sign_of_zero=1).proof


def test_a_sign_away_from_zero_that_the_user_decides() -> None:
    """Fails where Sign(x - 0.5) with the user's word is refused."""
    net = Net((1, 3, 4, 4))
    x = net.op("Sub", net.op("Add", net.stem(), net.stem()), np.float32(0.5))
    assert recognise(net.model(net.conv(net.op("Sign", x), net.signs(C, C, 3, 3))), None, sign_of_zero=1).proof


def test_what_a_clamp_was_given() -> None:
    """Fails where a clamped value is compared with what is left of it alone, or a whole number is taken for a sum."""
    net = Net((1, 3, 8, 8))
    x = net.stem()
    clamped = net.op("Relu", x)
    bounded = net.op("Clip", net.op("Mul", clamped, np.float32(2)), np.float32(-1), np.float32(1))
    whole = net.op("Relu", net.op("Cast", bounded, to=onnx.TensorProto.INT32))
    model = net.model(net.op("Add", bounded, net.op("Cast", whole, to=onnx.TensorProto.FLOAT)))
    proto = model.proto
    found = before_clamps(proto)
    assert found[clamped] == x
    assert set(found) == {clamped, bounded}
