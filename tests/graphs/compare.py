# SPDX-License-Identifier: Apache-2.0
"""A network in ONNX Runtime, as its file has it, beside what is compiled of it.

Where a number lies within rounding of the threshold that it is compared with, both sides may be right; such images are
left out. Rounding is that of the largest number which it was computed from: a sum of weights that are two levels but
for rounding may be 1e-8, or 0. A number that is the threshold exactly, as half of them are after Relu, is none of
these; but for numbers near 0 behind slopes (PRelu, LeakyRelu), which Relu hides: the compiler bends accumulators with
one line of its own rounding, which at the bend may be 1e-8.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.pipeline import compile_model
from biisnet.compile.recognise import recognise
from biisnet.runtime.bundle import RUNNER
from biisnet.runtime.probe import Probe
from biisnet.targets import emulator, resolve

from ..compile.frontend.models import compiled
from ..compile.recognise.networks import Array

NEAR = 3e-5
"""Distance from a threshold, of the largest number before it, below which rounding may decide."""
TOLERANCE = 2e-5
"""Of the network's largest number: sums of float32 in another order, one layer after the other."""
BENDS = ("LeakyRelu", "PRelu")
COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
STAGES = "stages"
"""The target that is none: the compiler's stages by their meaning in numpy, without code."""

Runner = Callable[[Array], list[Array]]


class MismatchError(AssertionError):
    """A network that is refused, or computes something else than its file."""


def images(shape: tuple[int, ...]) -> Iterator[Array]:
    """Numbers of all kinds, the same every time."""
    rng = np.random.default_rng(0)
    yield rng.normal(size=shape).astype(np.float32)
    yield rng.integers(-3, 4, shape).astype(np.float32)
    yield np.zeros(shape, np.float32)
    yield rng.integers(0, 256, shape).astype(np.float32)


class Original:
    """A file in ONNX Runtime, with all that it computes on the way."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        model = onnx.ModelProto()
        model.CopyFrom(proto)
        inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
        outputs = {o.name for o in model.graph.output}
        model.graph.output.extend(v for v in inferred.graph.value_info if v.name not in outputs)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self.names = [o.name for o in model.graph.output]
        self.output = proto.graph.output[0].name
        self.source = self.session.get_inputs()[0]
        self.thresholds = thresholds_of(proto)
        self.bends = {o for node in proto.graph.node if node.op_type in BENDS for o in node.output}

    def run(self, image: Array) -> dict[str, Array]:
        """All values of the graph."""
        found = dict(zip(self.names, self.session.run(self.names, {self.source.name: image}), strict=True))
        return {self.source.name: image, **found}

    def is_near(self, values: dict[str, Array]) -> bool:
        """Whether rounding may decide anything."""
        for name, threshold, before in self.thresholds:
            distance = np.abs(values[name].astype(np.float64) - threshold)
            largest = max(float(np.abs(values[n]).max()) for n in before if values[n].dtype.kind == "f")
            if ((distance > 0) & (distance < NEAR * largest)).any():
                return True
            if any((np.abs(values[n]) < NEAR * largest).any() for n in before & self.bends):
                return True
        return False


def thresholds_of(proto: onnx.ModelProto) -> list[tuple[str, Array, set[str]]]:
    """(value, threshold, what it was computed from since the last threshold) of all that binarizes what depends on the
    image."""
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    before = {i.name: {i.name} for i in proto.graph.input}
    found = []
    for node in proto.graph.node:
        sources = [before[name] for name in node.input if name in before]
        if not sources:
            continue
        threshold = np.zeros(1) if node.op_type == "Sign" else None
        if node.op_type in COMPARISONS:
            threshold = constants.get(node.input[1])
        if threshold is not None and node.input[0] in before:
            found.append((node.input[0], threshold, set(before[node.input[0]])))
            sources = []
        before |= {name: {name}.union(*sources) for name in node.output}
    return found


def compare(proto: onnx.ModelProto, target: str) -> int:
    """Compile a file for a target (or STAGES), and compare all images that decide; how many did.

    Raises MismatchError, and whatever the compiler raises.
    """
    original = Original(proto)
    decided = [(image, values) for image in images(tuple(original.source.shape)) if not
               original.is_near(values := original.run(image))]  # fmt: skip
    if not decided:
        return 0
    model = recognise(from_proto(proto, "graph.onnx"), None).model
    if target == STAGES:
        compare_outputs(original, decided, lambda image: compiled(model.proto, image[0]))
        return len(decided)
    with tempfile.TemporaryDirectory() as folder:
        runner = bundle(model, target, Path(folder))
        for threads in (1, 2):
            with Probe(runner, threads) as probe:
                compare_outputs(original, decided, probe.run)
    return len(decided)


def bundle(model: OnnxModel, target: str, folder: Path) -> list[str | Path]:
    """The command of a bundle's runner, under the emulator where that is needed."""
    device = resolve(target)
    prefix = emulator.command(device)
    if prefix is None:
        raise MismatchError(emulator.why_not_here(device))
    place = folder / "bundle"
    compile_model(model, None, device, place, say=lambda _: None, verify=False, allow_float=True)
    return [*prefix, place / RUNNER]


def compare_outputs(original: Original, decided: list[tuple[Array, dict[str, Array]]], run: Runner) -> None:
    """Raise MismatchError where an output of any image differs."""
    for n, (image, values) in enumerate(decided):
        expected = values[original.output]
        largest = max(float(np.abs(v).max()) for v in values.values() if v.dtype.kind == "f" and v.size)
        (found,) = run(image)
        if found.size != expected.size:
            raise MismatchError(f"image {n}: the output is {found.shape}, ONNX Runtime's is {expected.shape}")
        error = np.abs(found.reshape(expected.shape).astype(np.float64) - expected)
        if not error.max() <= TOLERANCE * largest:  # nor NaN
            at = np.unravel_index(np.nanargmax(error), error.shape)
            raise MismatchError(
                f"image {n}: {int((error > TOLERANCE * largest).sum())} of {error.size} values differ, the most at "
                f"{list(map(int, at))}: {found.reshape(expected.shape)[at]:.9g} instead of {expected[at]:.9g}"
            )
