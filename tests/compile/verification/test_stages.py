# SPDX-License-Identifier: Apache-2.0
"""Teacher forcing: each stage with the reference's own input, and how much it may differ."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.plan import Plan
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.steps import Step
from biisnet.compile.kernels import Load, ScaleShift
from biisnet.compile.pipeline import PLAN_STEPS, compile_model, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Bits, Float32
from biisnet.compile.verification.device import Device
from biisnet.compile.verification.onnx_reference import OnnxReference
from biisnet.compile.verification.scene import scene
from biisnet.compile.verification.stages import TOLERANCE, StageResult, check_step
from biisnet.runtime.bundle import RUNNER
from biisnet.runtime.probe import Probe
from biisnet.targets import resolve

SIZE = (24, 20)
Reference = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def plan(tiny: OnnxModel) -> Plan:
    return make_plan(tiny, SIZE, resolve("host"), Progress(PLAN_STEPS, lambda _: None, None), DEFAULT)


@pytest.fixture
def reference(tiny: OnnxModel, plan: Plan) -> Reference:
    onnx = OnnxReference(tiny, {b.value: b.encoding.value_type for b in plan.program.buffers()})
    return onnx.run(scene(*SIZE).astype(np.float32)[None])


@pytest.fixture
def device(tiny_bundle: Callable[[str], Path], plan: Plan) -> Iterator[Device]:
    with Probe([tiny_bundle("host") / RUNNER]) as probe:
        yield Device(probe, plan.probing.arena)


def results(device: Device, plan: Plan, reference: Reference) -> list[StageResult]:
    return [check_step(device, k, step, reference) for k, step in enumerate(plan.kernels.steps)]


def test_every_stage_is_within_the_tolerance(device: Device, plan: Plan, reference: Reference) -> None:
    for result in results(device, plan, reference):
        assert result.passed, result.name
        assert result.error <= 1e-5
        assert result.wrong_bits == 0


@pytest.mark.parametrize(("share", "passed"), [(0.3, True), (3.0, False)])
def test_the_tolerance_is_of_the_channels_largest_magnitude(
    device: Device, plan: Plan, reference: Reference, share: float, passed: bool
) -> None:
    """One value that is off by less than 1e-5 of its channel's largest passes, by more does not."""
    value = reference["bottleneck.0.dot.add"].copy()
    value[4, 11, 7] += share * TOLERANCE * np.abs(value[4]).max()
    result = check_step(device, 2, plan.kernels.steps[2], reference | {"bottleneck.0.dot.add": value})
    assert result.passed is passed


def test_stages_do_not_see_each_others_errors(device: Device, plan: Plan, reference: Reference) -> None:
    """A wrong map condemns the stage that wrote it and those that read it in the reference, and no other."""
    wrong = reference | {"embedding": reference["embedding"] * 1.5}
    assert [r.passed for r in results(device, plan, wrong)] == [True, False, False, True]


def test_sign_bits_are_those_of_the_map_beside_them(device: Device, plan: Plan, reference: Reference) -> None:
    """-0.0 is 0, so its bit is set, and so it is packed; NaN is below everything."""
    result = check_step(device, 1, plan.kernels.steps[1], reference)
    bits, floats = (result.tensors[f"device embedding.{form}"] for form in ("bits", "map1"))
    (stored,) = (b for b in plan.kernels.steps[1].stage.outputs if isinstance(b.encoding, Float32))
    assert isinstance(stored.encoding, Float32)
    if stored.encoding.scale is not None and stored.encoding.shift is not None:
        floats = (floats - stored.encoding.shift[:, None, None]) / stored.encoding.scale[:, None, None]
    sure = np.abs(floats) > 1e-5 * np.abs(floats).max()
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(bits[sure], floats[sure] >= 0)


class Says:
    """A device that gives back what it was told to."""

    def __init__(self, outputs: dict[Buffer, np.ndarray]) -> None:
        self.probe, self.outputs = self, outputs

    def store(self, buffer: Buffer, value: np.ndarray) -> None: ...

    def run_stage(self, index: int, parameters: bytes | None) -> None: ...

    def fetch(self, buffer: Buffer) -> np.ndarray:
        return self.outputs[buffer]

    def read(self, buffer: Buffer) -> bytes:
        return buffer.to_memory(self.outputs[buffer])


def test_bits_are_bounded_by_their_own_output() -> None:
    """Fails where a stage's second output is forgiven what the first, of larger numbers, would be."""
    source, large, small = (
        Buffer(n, n, 1, 1, 4, e) for n, e in (("x", Float32()), ("large", Bits()), ("small", Bits()))
    )
    x = Load(1, source)
    scaled = ScaleShift(1, x, np.array([1e6], np.float32), np.zeros(1, np.float32))
    stage = Stage("stage", (), [large, small], [(scaled,), (x,)])
    value = np.array([[[1, -1, 0.5, -0.5]]], np.float32)
    step = Step(stage, "kernel", stage.operands(), b"", {}, {}, Schedule(1))
    reference = {"x": value, "large": 1e6 * value, "small": value}
    for flipped, wrong in ((large, 1), (small, 1), (None, 0)):
        told = dict.fromkeys(stage.outputs, value >= 0)
        if flipped:
            told[flipped] = told[flipped] ^ (value == 0.5)
        assert check_step(cast(Device, Says(told)), 0, step, reference).wrong_bits == wrong


def test_an_image_without_targets_is_no_error(tiny: OnnxModel, tmp_path: Path) -> None:
    """Where all probabilities are 1e-6, the reference's own sigmoid is off by 3e-8: 1e-5 of 1, not of 1e-6."""
    model = OnnxModel(type(tiny.proto).FromString(tiny.proto.SerializeToString()), tiny.path, tiny.sha256)
    (bias,) = (t for t in model.proto.graph.initializer if t.name == "head.bias")
    bias.CopyFrom(onnx_array(np.array([-20], np.float32), bias.name))
    assert compile_model(model, SIZE, resolve("host"), tmp_path / "b", say=lambda _: None).verified.device


def onnx_array(array: np.ndarray, name: str):
    """An initializer."""
    from onnx import numpy_helper

    return numpy_helper.from_array(array, name)
