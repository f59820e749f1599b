# SPDX-License-Identifier: Apache-2.0
"""The integer accumulators, read out of a bundle's own machine code, against numpy and ONNX Runtime."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.errors import VerificationError
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.plan import Plan
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, BinaryDot, Load, Multiply, ScaleShift, Spread
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.pipeline import PLAN_STEPS, compile_model, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.recognise import recognise
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Bits, Float32
from biisnet.compile.verification.accumulators import (
    check_accumulators,
    factors,
    is_binary,
    readable,
    with_identity_epilogue,
)
from biisnet.compile.verification.check import compare
from biisnet.compile.verification.device import Device
from biisnet.compile.verification.onnx_reference import OnnxReference
from biisnet.compile.verification.scene import scene
from biisnet.runtime.bundle import RUNNER
from biisnet.runtime.probe import Probe
from biisnet.targets import resolve

from ..recognise.networks import Net

SIZE = (24, 20)
CORE = resolve("host").core


@pytest.fixture(scope="module")
def plan(tiny: OnnxModel) -> Plan:
    return make_plan(tiny, SIZE, resolve("host"), Progress(PLAN_STEPS, lambda _: None, None), DEFAULT)


@pytest.fixture(scope="module")
def reference(tiny: OnnxModel, plan: Plan) -> OnnxReference:
    return OnnxReference(tiny, {b.value: b.encoding.value_type for b in plan.program.buffers()})


@pytest.fixture(scope="module")
def values(reference: OnnxReference) -> dict[str, np.ndarray]:
    return reference.run(scene(*SIZE).astype(np.float32)[None])


@pytest.fixture
def device(tiny_bundle: Callable[[str], Path], plan: Plan) -> Iterator[Device]:
    with Probe([tiny_bundle("host") / RUNNER]) as probe:
        yield Device(probe, plan.probing.arena)


def binary_stage(plan: Plan) -> int:
    (index,) = (k for k, s in enumerate(plan.kernels.steps) if is_binary(s.stage) and readable(s.stage))
    return index


def test_transparent_constants_leave_the_accumulator_alone(plan: Plan, values: dict[str, np.ndarray]) -> None:
    """With slopes and scales 1, shifts and residual 0, the stage's expression is the binary convolution's."""
    step = plan.kernels.steps[binary_stage(plan)]
    (dot,) = (e for e in step.stage.expressions() if isinstance(e, BinaryDot))
    inputs = {}
    for op in step.operands:
        value = op.buffer.encoding.encode(values[op.buffer.value])
        inputs[op.buffer.name] = value if isinstance(op.buffer.encoding, Bits) else np.zeros_like(value)
    probe = with_identity_epilogue(step.stage)
    assert probe is not None
    through_the_stage = evaluate(probe, inputs)
    alone = (evaluate(Stage.of("alone", (), (dot,), step.stage.outputs[:1]), inputs)[0] - dot.centre) * dot.unit
    n = next(n for n, b in enumerate(step.stage.outputs) if isinstance(b.encoding, Float32))
    through_the_stage = (through_the_stage[n] - dot.centre) * dot.unit
    np.testing.assert_array_equal(through_the_stage, alone)
    taps = dot.signs[0].size
    np.testing.assert_array_equal(alone, np.rint(alone))
    assert np.abs(alone).max() <= taps
    # a stage of which it is not so must not be taken for one
    assert [is_binary(s.stage) and readable(s.stage) for s in plan.kernels.steps] == [False, False, True, False]


def test_the_device_gives_integers_that_onnx_runtime_gives(
    plan: Plan, reference: OnnxReference, values: dict[str, np.ndarray], device: Device
) -> None:
    index = binary_stage(plan)
    count, differ, tensors = check_accumulators(device, CORE, index, plan.kernels.steps[index], values, reference)
    assert (count, differ) == (8 * SIZE[0] * SIZE[1], 0)
    (dot,) = (e for e in plan.kernels.steps[index].stage.expressions() if isinstance(e, BinaryDot))
    found = tensors["device accumulators"] - dot.centre
    assert set(np.unique(found)) <= set(range(-72, 73))
    by_onnx_runtime = reference.accumulators("bottleneck.0.binary", values["embedding"])
    assert by_onnx_runtime is not None
    np.testing.assert_array_equal(found * dot.unit, by_onnx_runtime)


def test_one_wrong_accumulator_counts(
    plan: Plan, reference: OnnxReference, values: dict[str, np.ndarray], device: Device
) -> None:
    """Feeding the check a flipped input sign on the reference's side alone shows as differing integers."""
    index = binary_stage(plan)
    (dot,) = (e for e in plan.kernels.steps[index].stage.expressions() if isinstance(e, BinaryDot))
    signs = dot.signs.copy()
    signs[5, 2, 0, 1] ^= True
    wrong = replace_dot(plan, index, signs)
    _, differ, tensors = check_accumulators(device, CORE, index, plan.kernels.steps[index], values, reference)
    assert differ == 0
    stage = with_identity_epilogue(wrong)
    assert stage is not None
    inputs = {k: v for k, v in tensors.items() if not k.endswith("accumulators")}
    expected = evaluate(stage, inputs)[0]
    assert set(np.unique(tensors["device accumulators"][5] - expected[5])) <= {-2 / dot.unit, 0, 2 / dot.unit}
    assert (tensors["device accumulators"] != expected).any(axis=(1, 2)).tolist() == [i == 5 for i in range(8)]


def replace_dot(plan: Plan, index: int, signs: np.ndarray):
    """The stage with other weights."""

    def other(e):
        if isinstance(e, BinaryDot):
            return replace(e, signs=signs)
        children = {n: other(getattr(e, n)) for n in ("x", "y", "a", "b") if hasattr(e, n)}
        return replace(e, **children) if children else e

    stage = plan.kernels.steps[index].stage
    return through(stage, other)


def through(stage: Stage, change: Callable[[Expr], Expr]) -> Stage:
    """The stage with every result changed."""
    return replace(stage, results=[tuple(change(e) for e in branches) for branches in stage.results])


def test_verification_asks_onnx_runtime_for_every_accumulator(
    plan: Plan,
    reference: OnnxReference,
    values: dict[str, np.ndarray],
    device: Device,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a layer's name is not found, its accumulators are compared with numpy's only, and nobody is told."""
    right, asked = OnnxReference.accumulators, []

    def watched(self: OnnxReference, layer: str, x: np.ndarray) -> np.ndarray | None:
        found = right(self, layer, x)
        asked.extend([layer] if found is not None else [])
        return found

    monkeypatch.setattr(OnnxReference, "accumulators", watched)
    compare(device.probe, "this machine", plan, CORE, reference, values, tmp_path / "failed.npz")
    layers = [n.output[0] for n in reference.proto.graph.node if n.op_type == "BinaryConv2d"]
    assert asked == layers


def summed() -> Net:
    """A grouped and a dilated binary convolution of the same bits, added."""
    net = Net()
    x = net.stem()
    net.last = net.op("Add", net.binary(x, 2, group=4), net.binary(x, dilations=[2, 2], pads=[2] * 4))
    return net


def concatenated() -> Net:
    """A binary convolution whose result is stored beside what it reads."""
    net = Net()
    x = net.stem()
    net.last = net.op("Concat", x, net.binary(x), axis=1)
    return net


def shortened() -> Net:
    """A binary convolution at half the resolution, and a full-precision one in the shortcut beside it."""
    net = Net()
    x = net.stem()
    short = net.conv(net.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), net.normal(8, 8, 1, 1))
    net.last = net.op("Add", net.norm(net.binary(x, strides=[2, 2])), net.norm(short))
    return net


@pytest.mark.parametrize("build", [summed, concatenated, shortened])
def test_onnx_runtime_is_asked_for_each(build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Fails where a stage with two binary convolutions, or with other channels beside one, is compared with itself."""
    net = build()
    model = net.model(net.last)
    verified = compile_model(model, (8, 8), resolve("rpi4"), tmp_path / "b", say=lambda _: None).verified
    assert "1 of 1 binary convolutions equal" in verified.summary()
    right = OnnxReference.accumulators
    monkeypatch.setattr(OnnxReference, "accumulators", lambda *a: right(*a) + 2)
    with pytest.raises(VerificationError, match="accumulators"):
        compile_model(model, (8, 8), resolve("rpi4"), tmp_path / "c", say=lambda _: None)


def test_factors() -> None:
    """Fails where a map that is also added, or multiplied by itself, is made 1: its sum would be no accumulator."""
    gate, other, out = Buffer("g", "g", 4, 1, 1), Buffer("x", "x", 4, 5, 6), Buffer("y", "y", 4, 5, 6)
    bits = Buffer("b", "b", 8, 5, 6, Bits())
    dot = BinaryDot(4, bits, np.ones((4, 8, 1, 1), bool), Window((1, 1)))
    one = np.ones(4, np.float32)

    def found(e: Expr) -> set[Buffer] | None:
        return factors(Stage.of("case", (), (e,), [out]))

    assert found(Add(4, dot, Load(4, other))) == set()
    assert found(Multiply(4, ScaleShift(4, dot, one, one), ScaleShift(4, Spread(4, gate), one, one))) == {gate}
    assert found(Add(4, Multiply(4, Spread(4, gate), dot), Load(4, other))) == {gate}
    assert found(Add(4, Multiply(4, Load(4, other), dot), Load(4, other))) is None
    shared = Load(4, other)
    assert found(Add(4, Multiply(4, shared, dot), shared)) is None
    assert found(Add(4, Multiply(4, shared, shared), dot)) is None
    assert found(Multiply(4, dot, dot)) is None
    assert not readable(Stage.of("case", (), (Multiply(4, dot, dot),), [out]))


@pytest.mark.emulator
def test_accumulators_behind_a_gate(tmp_path: Path) -> None:
    """Fails where a binary convolution's accumulators are not read for a gate behind it."""
    net = Net()
    x = net.stem()
    gate = net.op("Sigmoid", net.conv(net.op("GlobalAveragePool", x), net.normal(8, 8, 1, 1)))
    y = net.norm(net.conv(net.op("Sign", x), net.signs(8, 8, 3, 3)))
    model = recognise(net.model(net.op("Add", net.op("Mul", y, gate), x)), None)
    verified = compile_model(model, None, resolve("rpi4"), tmp_path / "bundle", say=lambda _: None).verified
    assert "512 integer accumulators of 1 of 1 binary convolutions equal" in verified.summary()


def signs_alone() -> Net:
    """A binary convolution whose signs alone are read, by another: what fully connected networks are made of."""
    net = Net()
    net.last = net.binary(net.norm(net.binary(net.stem())))
    return net


def signs_of_a_sum() -> Net:
    """The same behind a shortcut."""
    net = Net()
    x = net.stem()
    net.last = net.binary(net.op("Add", net.norm(net.binary(x)), x))
    return net


@pytest.mark.emulator
def test_accumulators_of_several_levels(tmp_path: Path) -> None:
    """Fails where a stage that stores two planes of signs of one sum, for a Sign that is 0 at 0, is not asked."""
    net = Net()
    x = net.conv(net.op("Sign", net.stem()), net.signs(8, 8, 3, 3))
    net.last = net.conv(net.op("Sign", net.op("Add", x, net.stem())), net.signs(8, 8, 3, 3))
    found = recognise(net.model(net.last), None)
    verified = compile_model(found.model, None, resolve("rpi4"), tmp_path / "b", say=lambda _: None).verified
    assert verified.binary_stages_read == verified.binary_stages == 2


@pytest.mark.emulator
@pytest.mark.parametrize("build", [signs_alone, signs_of_a_sum])
def test_accumulators_of_signs_alone(build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Fails where a stage that stores signs alone counts as proved though nobody asked for its accumulators, or where
    one accumulator that is wrong by one unit is not found."""
    net = build()
    model = net.model(net.last)
    verified = compile_model(model, (8, 8), resolve("rpi4"), tmp_path / "b", say=lambda _: None).verified
    assert "1024 integer accumulators of 2 of 2 binary convolutions equal" in verified.summary()

    def wrong(stage: Stage, stored: dict[str, np.ndarray]) -> list[np.ndarray]:
        values = evaluate(stage, stored)
        values[0][3, 4, 5] += 1
        return values

    monkeypatch.setattr("biisnet.compile.verification.accumulators.evaluate", wrong)
    with pytest.raises(VerificationError, match=r"1 of 512 integer accumulators"):
        compile_model(model, (8, 8), resolve("rpi4"), tmp_path / "c", say=lambda _: None)
