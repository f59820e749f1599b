# SPDX-License-Identifier: Apache-2.0
"""Real images on the emulated board: the integer accumulators of all binary convolutions, without exception."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.ir.plan import Plan
from biisnet.compile.kernels import BinaryDot
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.tuning.records import tuned_schedules
from biisnet.compile.verification.accumulators import check_accumulators, is_binary, readable
from biisnet.compile.verification.device import Device
from biisnet.compile.verification.onnx_reference import OnnxReference
from biisnet.model.images import read_image
from biisnet.runtime.bundle import RUNNER
from biisnet.runtime.probe import Probe
from biisnet.runtime.resize import resize_bilinear
from biisnet.targets import resolve
from biisnet.targets.emulator import command

SIZE = (256, 256)
pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def plan(shipped: OnnxModel) -> Plan:
    return make_plan(
        shipped, SIZE, resolve("rpi4"), Progress(PLAN_STEPS, print, None), tuned_schedules(resolve("rpi4"))
    )


@pytest.fixture(scope="module")
def reference(shipped: OnnxModel, plan: Plan) -> OnnxReference:
    return OnnxReference(shipped, {b.value: b.encoding.value_type for b in plan.program.buffers()})


@pytest.fixture
def board(emulated: None, shipped_bundle: Callable[[str], Path], plan: Plan) -> Iterator[Device]:
    prefix = command(resolve("rpi4"))
    assert prefix
    with Probe([*prefix, shipped_bundle("rpi4") / RUNNER]) as probe:
        yield Device(probe, plan.probing.arena)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Two images, or all 20: each takes ten seconds."""
    if "number" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full") or os.environ.get("BIISNET_FULL")
        metafunc.parametrize("number", range(20) if full else (3, 12))


def test_they_equal_onnx_runtimes(
    number: int, twenty: list[Path], plan: Plan, reference: OnnxReference, board: Device
) -> None:
    """Of each BinaryConv2d, on the maps that ONNX Runtime computes for the image."""
    image = resize_bilinear(read_image(twenty[number]), *SIZE)
    values = reference.run(image[None])
    layer_reading = {n.input[0]: n.output[0] for n in reference.proto.graph.node if n.op_type == "BinaryConv2d"}
    layers, total = set(), 0
    for index, step in enumerate(plan.kernels.steps):
        if not is_binary(step.stage):
            continue
        assert readable(step.stage), step.stage.name
        compared, differ, tensors = check_accumulators(board, resolve("rpi4").core, index, step, values, reference)
        (dot,) = (e for e in step.stage.expressions() if isinstance(e, BinaryDot))
        layer = layer_reading[dot.buffer.value]
        by_onnx_runtime = reference.accumulators(layer, values[dot.buffer.value])
        assert by_onnx_runtime is not None
        found = (tensors["device accumulators"] - dot.centre) * dot.unit
        np.testing.assert_array_equal(found, by_onnx_runtime, err_msg=layer)
        assert differ == 0, layer
        layers.add(layer)
        total += compared
    assert layers == set(layer_reading.values())
    print(f"{twenty[number].stem}: {total} accumulators of {len(layers)} layers equal")
    assert total == 8_912_896
