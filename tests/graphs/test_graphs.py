# SPDX-License-Identifier: Apache-2.0
"""A few random networks against ONNX Runtime; that one which differs is found, made small, and counted on from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from typer.testing import CliRunner

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import converters
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.recognise import recognise
from biisnet.compile.schedules import DEFAULT
from biisnet.targets import resolve

from ..compile.recognise.networks import C, Net
from . import __main__ as command
from .compare import STAGES, MismatchError, Original, compare
from .strategy import STEPS, blurred_pool, graphs

FEW = {"phases": [Phase.generate], "database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}


@seed(0)
@settings(max_examples=40, **FEW)
@given(graphs())
def test_stages_mean_what_the_file_says(proto: onnx.ModelProto) -> None:
    """Fails where recognising, the passes or a kind's meaning change what a network computes."""
    compare(proto, STAGES)


@pytest.mark.parametrize("target", ["host", "rpi4"])
def test_bundles_compute_what_the_file_says(target: str, request: pytest.FixtureRequest) -> None:
    """Fails where a bundle computes something else, on one thread or on two."""
    if target != "host":
        request.getfixturevalue("emulated")

    @seed(1)
    @settings(max_examples=3, **FEW)
    @given(graphs())
    def one(proto: onnx.ModelProto) -> None:
        compare(proto, target)

    one()


def test_all_operators_are_drawn() -> None:
    """Fails where the generator does without an operator, or its networks are not valid."""
    drawn: Counter[str] = Counter()

    @seed(2)
    @settings(max_examples=400, **FEW)
    @given(graphs())
    def one(proto: onnx.ModelProto) -> None:
        onnx.checker.check_model(proto, full_check=True)
        drawn.update(n.op_type for n in proto.graph.node)

    one()
    assert len(STEPS) >= 16
    assert {
        "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "Div", "Equal", "Flatten", "Gemm",
        "GlobalAveragePool", "Greater", "GreaterOrEqual", "LeakyRelu", "Less", "MaxPool", "Mul", "PRelu", "Pad", "Relu",
        "Resize", "Sigmoid", "Sign", "Slice", "Split", "Sub", "Tanh", "Where",
    } <= set(drawn)  # fmt: skip


def test_kinds_of_channels_are_drawn() -> None:
    """Fails where no network has the kernels whose lanes are channels, or none a group or a map that others read."""
    kinds: Counter[str] = Counter()
    wanted = {"BinaryDot", "ChannelDot", "ChannelConvolution", "ChannelDepthwise", "ChannelPooledDepthwise"}

    def one(proto: onnx.ModelProto) -> None:
        if wanted <= set(kinds):
            return
        try:
            model = recognise(from_proto(proto, "graph.onnx"), None).model
        except CompileError:
            return
        plan = make_plan(model, None, resolve("rpi4"), Progress(PLAN_STEPS, lambda _: None), DEFAULT)
        kinds.update(type(e).__name__ for stage in plan.program.stages for e in stage.expressions())

    # what a seed draws depends on what else is imported; of all networks the last kind is in one of hundreds
    for steps in (STEPS, (blurred_pool,)):
        for number in range(10):
            if not wanted <= set(kinds):
                seed(number)(settings(max_examples=20, **FEW)(given(graphs(steps))(one)))()
    assert wanted <= set(kinds)


def network() -> onnx.ModelProto:
    """A binary convolution between two others."""
    net = Net()
    return net.proto(net.conv(net.op("Sign", net.stem()), net.signs(C, C, 3, 3)))


def test_numbers_near_a_threshold_decide_nothing() -> None:
    """Fails where an image counts whose signs rounding decides, or one does not whose zeros are exact."""
    net = Net((1, 1, 4, 4))
    original = Original(net.proto(net.conv(net.op("Sign", "image"), net.signs(C, 1, 1, 1))))
    image = np.ones((1, 1, 4, 4), np.float32)
    for value, is_near in ((0.5, False), (0.0, False), (-1e-6, True), (1e-4, False)):
        image[0, 0, 1, 2] = value
        assert original.is_near(original.run(image)) == is_near


def test_the_bend_itself_decides_nothing() -> None:
    """Fails where a 0 counts whose sign is that of another order of the same sum."""
    net = Net((1, 1, 4, 4))
    bent = net.op("PRelu", net.conv(net.op("Sign", "image"), net.signs(C, 1, 1, 1)), net.rng.random((C, 1, 1)))
    original = Original(net.proto(net.conv(net.op("Sign", bent), net.signs(1, C, 1, 1))))
    image = np.ones((1, 1, 4, 4), np.float32)
    assert not original.is_near(original.run(image))
    image[0, 0, 1, 2] = 0
    assert original.is_near(original.run(image))


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a wrong layer passes."""
    right = converters.CONVERTERS["", "PRelu"]

    def wrong(node: converters.Node) -> converters.Results:
        node.inputs[1] = -node.inputs[1]
        return right(node)

    net = Net()
    proto = net.proto(net.op("PRelu", net.stem(), net.rng.random((C, 1, 1))))
    assert compare(proto, STAGES) > 0
    with monkeypatch.context() as patch:
        patch.setitem(converters.CONVERTERS, ("", "PRelu"), wrong)
        with pytest.raises(MismatchError, match=r"^image 0: \d+ of \d+ values differ, the most at "):
            compare(proto, STAGES)


def test_counting_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a second call begins anew, or with the seeds of the first."""
    monkeypatch.setattr(command, "BATCH", 4)
    seen: list[bytes] = []

    def count(proto: onnx.ModelProto, target: str) -> int:
        seen.append(proto.SerializeToString())
        return 2

    monkeypatch.setattr(command, "compare", count)
    arguments = ["--target", STAGES, "--work", str(tmp_path), "--runs"]
    for runs, batches in ((4, 1), (8, 2), (8, 2)):
        assert CliRunner().invoke(command.app, [*arguments, str(runs)]).exit_code == 0
        state = command.State.read(tmp_path / STAGES / "state.json")
        assert (state.executions, state.images, state.batches) == (runs, 2 * runs, batches)
    assert len(seen) == 8
    assert len(set(seen)) >= 7


def test_what_differs_is_left_as_a_file(tmp_path: Path) -> None:
    """Fails where it cannot be tried again."""
    path = command.write_mismatch(tmp_path, network(), MismatchError("image 0: something"))
    assert onnx.load(path) == network()
    text = path.with_suffix(".txt").read_text()
    assert "2 Conv" in text
    assert text.endswith("MismatchError: image 0: something\n")
    tried = CliRunner().invoke(command.app, ["--target", STAGES, "--file", str(path)])
    assert tried.output.endswith("images agree\n")


def test_a_batch_ends_with_the_smallest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where the file that is left is not the smallest network that differs."""

    def differs(proto: onnx.ModelProto, target: str) -> int:
        if any(n.op_type == "Resize" for n in proto.graph.node):
            raise MismatchError("a Resize")
        return 1

    monkeypatch.setattr(command, "compare", differs)
    found = command.explore(STAGES, tmp_path, 1000)
    assert found is not None
    kinds = Counter(n.op_type for n in onnx.load(found).graph.node)
    assert kinds == {"Conv": 1, "BatchNormalization": 1, "Resize": 1, "Identity": 1}
    state = command.State.read(tmp_path / "state.json")
    assert state.mismatches == 1
    assert state.executions > 0
