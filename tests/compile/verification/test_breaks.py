# SPDX-License-Identifier: Apache-2.0
"""Verification is worth what it catches: the compiler is broken on purpose, and the build must stop.

Each break must name the layer, leave the tensors, and leave no bundle.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tvm import tirx

from biisnet.compile import pipeline
from biisnet.compile.emit import plan_source
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.memory import Arena, Order
from biisnet.compile.ir.steps import Kernels
from biisnet.compile.kernels import BinaryDot, binary_dot, hinge_add, two_slope, two_slope_add
from biisnet.compile.kernels.border_table import BorderTable
from biisnet.compile.kernels.context import Context
from biisnet.compile.kernels.simd import Simd
from biisnet.compile.storage import Bits, Planes
from biisnet.compile.verification import VerificationError, check
from biisnet.runtime.probe import Probe
from biisnet.targets import resolve

SIZE = (24, 20)
STAGES = ["normalise", "embedding", "bottleneck.0.dot.add", "probability"]
Refuse = RefuseModel = Callable[..., str]


@pytest.fixture
def refuse(tiny: OnnxModel, refuse_model: RefuseModel) -> Refuse:
    """`refuse(layer)`: compiling the tiny network must fail there; returns the message."""
    return partial(refuse_model, tiny)


@pytest.fixture
def refuse_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RefuseModel:
    """`refuse_model(model, layer)`: as `refuse`."""
    for step in ("link_library", "link_archive"):  # the runner is what is verified
        monkeypatch.setattr(pipeline, step, lambda *_: None)

    def compile_and_fail(model: OnnxModel, layer: str, target: str = "host") -> str:
        output = tmp_path / "bundle"
        with pytest.raises(VerificationError) as caught:
            pipeline.compile_model(model, SIZE, resolve(target), output, say=lambda _: None)
        message = str(caught.value)
        assert f"layer '{layer}'" in message
        assert "\n" not in message
        failure = tmp_path / "bundle.failed.npz"
        assert str(failure) in message
        assert list(tmp_path.iterdir()) == [failure]  # no bundle, no tar, no staging folder
        with np.load(failure) as tensors:
            assert any("device" in name for name in tensors)
            assert any("reference" in name for name in tensors)
        return message

    return compile_and_fail


class DropsATap:
    """TIR in which every ninth count of bits is zero: each binary convolution loses one of its 3x3 taps."""

    def __init__(self) -> None:
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(tirx, name)

    def popcount(self, x: Any) -> Any:
        self.calls += 1
        return tirx.popcount(x ^ x if self.calls % 9 == 5 else x)


def drop_a_tap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_dot, "tirx", DropsATap())


def shift_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first row class reads the table of the last: the top border is corrected as if it were the bottom's."""
    right = binary_dot.border_table

    def wrong(*a: Any) -> BorderTable:
        table = right(*a)
        return replace(table, strips=table.strips[::-1].copy())

    monkeypatch.setattr(binary_dot, "border_table", wrong)


def shift_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window reads one column too far to the right."""
    right = Simd.load_strided

    def wrong(self: Simd, buffer: Any, start: Any, stride: int) -> Any:
        return right(self, buffer, start + 1, stride)

    monkeypatch.setattr(Simd, "load_strided", wrong)


def swap_the_slopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """MaxOut bends the wrong way."""
    right = two_slope.two_slopes

    def wrong(owner: Any, positive: Any, negative: Any, *rest: Any) -> Any:
        return right(owner, negative, positive, *rest)

    for module in (two_slope, two_slope_add):
        monkeypatch.setattr(module, "two_slopes", wrong)


def forget_the_knee(monkeypatch: pytest.MonkeyPatch) -> None:
    """RPReLU bends at the first accumulator instead of its knee."""
    monkeypatch.setattr(hinge_add, "tirx", TakesTheFirst())


class TakesTheFirst:
    """tirx, whose max of two values is the first."""

    def __getattr__(self, name: str) -> Any:
        return getattr(tirx, name)

    def max(self, a: Any, b: Any) -> Any:
        return a


def shift_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs are packed of x - 0.5."""
    right = Bits.is_above

    def wrong(self: Bits, ctx: Context, buffer: Any, result: Any, channel: Any, value: Any) -> Any:
        return right(self, ctx, buffer, result, channel, value - ctx.simd.const(0.5, "float32"))

    monkeypatch.setattr(Bits, "is_above", wrong)


def forget_the_margins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies left and right of a row stays as it was."""
    monkeypatch.setattr(Planes, "emit_margins", lambda *_: None)


@pytest.mark.parametrize(
    ("break_it", "layer"),
    [
        (drop_a_tap, "bottleneck.0.dot.add"),
        (shift_the_border, "bottleneck.0.dot.add"),
        (swap_the_slopes, "bottleneck.0.dot.add"),
        (forget_the_knee, "bottleneck.0.dot.add"),
        (shift_the_margin, "embedding"),
        (shift_the_threshold, "embedding"),
        (forget_the_margins, "embedding"),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
def test_a_broken_kernel(
    break_it: Callable[[pytest.MonkeyPatch], None], layer: str, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(monkeypatch)
    refuse(layer)


@pytest.mark.emulator
def test_a_broken_kernel_on_the_emulated_device(
    emulated: None, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_a_tap(monkeypatch)
    assert "on an emulated cortex-a72" in refuse("bottleneck.0.dot.add", "rpi4")


@pytest.mark.parametrize("index", range(len(STAGES)), ids=STAGES)
def test_one_wrong_constant(index: int, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest float32 constant of one stage is off by 1 %: that stage is named, no other."""
    right = plan_source.parameter_offsets

    def wrong(kernels: Kernels) -> tuple[list[int], bytes]:
        offsets, block = right(kernels)
        step = kernels.steps[index]
        assert step.stage.name == STAGES[index]
        values = np.frombuffer(block, np.float32, step.counts["float32"], offsets[index])  # the first section
        largest = int(np.abs(values).argmax())
        start, value = offsets[index] + 4 * largest, values[largest] * np.float32(1.01)
        return offsets, block[:start] + value.tobytes() + block[start + 4 :]

    monkeypatch.setattr(plan_source, "parameter_offsets", wrong)
    refuse(STAGES[index])


def test_an_overlap_in_the_arena(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map is written over the one that its stage still reads."""

    def wrong(kernels: Kernels) -> Arena:
        arena = right(kernels)
        of = {b.name: b for b in arena.placements}
        source, result = (arena.placements[of[name]] for name in ("normalise.map", "embedding.map1"))
        moved = {source.buffer: replace(source, offset=result.offset)}
        return replace(arena, placements=arena.placements | moved)

    right = pipeline.plan_probing
    monkeypatch.setattr(pipeline, "plan_probing", wrong)
    refuse("embedding")


def test_an_overlap_in_the_rings_of_several_threads(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, whose rings lie elsewhere, is right."""
    layouts = 0

    def wrong(kernels: Kernels, slots: dict[Buffer, int], order: Order | None) -> Arena:
        nonlocal layouts
        layouts += 1
        arena = right(kernels, slots, order)
        of = {b.name: b for b in arena.placements}
        source, result = (arena.placements[of[name]] for name in ("normalise.map", "embedding.map1"))
        moved = {source.buffer: replace(source, offset=result.offset)} if layouts == 2 else {}
        return replace(arena, placements=arena.placements | moved)

    right = pipeline.plan_arena
    monkeypatch.setattr(pipeline, "plan_arena", wrong)
    assert "another number of threads" in refuse("probability")


WHOLE_RUNS = {
    "a probability that is a little off": lambda y: y + np.float32(0.01),
    "NaN": lambda y: np.where(np.arange(y.size).reshape(y.shape) == 7, np.float32(np.nan), y),
    "half of the mask": lambda y: y[..., ::-1],
}


@pytest.mark.parametrize("what", WHOLE_RUNS)
def test_a_wrong_result_of_the_whole_network(what: str, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage is right on the reference's maps, and the network is not, at once as by stage."""
    at_once, by_stage, wrong = Probe.run, check.run_by_stage, WHOLE_RUNS[what]
    monkeypatch.setattr(Probe, "run", lambda *a: [wrong(y) for y in at_once(*a)])
    monkeypatch.setattr(check, "run_by_stage", lambda *a: [wrong(y) for y in by_stage(*a)])
    refuse("probability")


def test_a_wrong_second_output(tiny: OnnxModel, refuse_model: RefuseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first output is right, the other is not what its stages give."""
    proto = type(tiny.proto).FromString(tiny.proto.SerializeToString())
    kind = onnx.TensorProto.FLOAT
    proto.graph.output.append(onnx.helper.make_tensor_value_info("bottleneck.0.dot.add", kind, [1, 8, "h", "w"]))
    right = Probe.run
    monkeypatch.setattr(Probe, "run", lambda *a: [y + n for n, y in enumerate(right(*a))])
    assert "at once" in refuse_model(OnnxModel(proto, tiny.path, tiny.sha256), "bottleneck.0.dot.add")


def test_wrong_weights_show_in_the_accumulators(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    """One weight bit of one channel. (Parameters are what verification replaces: they must be compared too.)"""
    right = BinaryDot.packed_weights

    def wrong(e: BinaryDot) -> np.ndarray:
        weights = right(e)
        weights[3, 0, 1, 1] ^= 16
        return weights

    monkeypatch.setattr(BinaryDot, "packed_weights", wrong)
    refuse("bottleneck.0.dot.add")
