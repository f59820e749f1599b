# SPDX-License-Identifier: Apache-2.0
"""`biisnet eval`: the field's metrics of a checkpoint, an ONNX file or a bundle, by the same code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..compile.emit.manifest import target_of
from ..compile.errors import CompileError
from ..model import NETWORKS, shipped_weights
from ..model.datasets import Frame, Say
from ..model.errors import InputError
from ..model.figures import figure_png
from ..model.files import write_whole
from ..model.metrics import Counts, Metrics, roc
from ..model.operating_point import OperatingPoint, operating_point
from ..model.overlay import overlay
from ..model.reliability import Reliability, all_scored, binned
from ..model.score_scaling import Scaling, fit_scores
from ..runtime.answers import Answer, Values
from ..runtime.bundle import open_bundle
from ..runtime.levels import whole_levels
from ..runtime.platt import UNSCALED, Platt
from ..runtime.signature import DETECTION, LOGIT, Tensor
from ..targets import emulator
from .checkpoints import (
    CHECKPOINT,
    DEFAULT,
    NAMES,
    check_grey,
    known_checkpoint,
    load_checkpoint,
    refuse_run_folder,
)
from .run import open_model

if TYPE_CHECKING:
    from ..compile.frontend import OnnxModel
    from .integer import Frames as CalibrationFrames

SIZE = (256, 256)
"""Height and width that frames are resized to where the model takes any size."""
THRESHOLDS = tuple(float(t) for t in np.round(np.linspace(0.05, 0.95, 19), 2))
"""Thresholds of the ROC."""

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Predictor:
    """Something that finds targets."""

    name: str
    engine: str  # who computes, for a person
    size: tuple[int, int] | None  # of the frames that it is given; None: their own
    predict: Callable[[F32], F32]  # grey levels [H, W] -> probabilities [H, W]
    threshold: float = 0.5  # its own: a bundle's, an ONNX file's
    scores: Platt = UNSCALED  # likewise


@contextmanager
def open_predictor(
    name: str | None,
    size: tuple[int, int] | None,
    *,
    emulate: bool,
    threads: int,
    say: Say,
    native: bool = False,
    calibration: CalibrationFrames | None = None,
) -> Iterator[Predictor]:
    """A model by its name: a preset, a checkpoint, an ONNX file, a bundle; `native` for frames of any size, which are
    extended to the network's multiple and not resized. With frames to calibrate on, the integer network of a model.
    Raises CompileError."""
    if native and size:
        raise CompileError("--native takes frames at their own size; leave --size out")
    name = name or DEFAULT
    path = Path(name)
    refuse_run_folder(name)
    if name not in NETWORKS and not path.exists():
        raise CompileError(
            f"{name}: no such file, bundle or preset; give a bundle, an ONNX file, a {CHECKPOINT} checkpoint or one of "
            f"{NAMES}"
        )
    bundle = name not in NETWORKS and (path.is_dir() or path.suffix == ".tar")
    if emulate and not bundle:
        raise CompileError(f"{name}: --emulate runs bundles; compile it first: biisnet-compile {name} --target rpi4")
    if bundle and calibration:
        raise CompileError(f"{name}: is a bundle, whose precision is what it was compiled with; give a model")
    if bundle:
        with open_bundle_predictor(path, size, emulate, threads, say, native) as predictor:
            yield predictor
    elif calibration:
        from .integer import integer_model, ready_made
        from .models import known_model

        model = ready_made(name, calibration) or integer_model(known_model(name, None), calibration, size, say)
        yield onnx_predictor(model, name, size, threads, native)
    elif name in NETWORKS or path.suffix == CHECKPOINT:
        yield torch_predictor(name, None if native else size or SIZE, threads)
    else:
        from ..compile.frontend import load_model  # of the extra `compile`, which PyTorch needs nothing of

        yield onnx_predictor(load_model(path), name, size, threads, native)


@contextmanager
def open_bundle_predictor(
    path: Path, size: tuple[int, int] | None, emulate: bool, threads: int, say: Say, native: bool
) -> Iterator[Predictor]:
    """A bundle for this machine, or with `emulate` one for a board; `native` in tiles of its size."""
    with open_bundle(path) as opened:
        target, own_size = target_of(opened.manifest), opened.signature.size
        threshold, scores = opened.signature.threshold, opened.signature.scores
    check_size(str(path), size, own_size)
    foreign = bool(target.emulated_cpu) and not emulator.runs_here(target)
    if foreign and not emulate:
        raise CompileError(f"{path}: is for {target.name}; --emulate runs it on an emulated {target.cpu}")
    if emulate and not foreign:
        raise CompileError(f"{path}: is for this machine and needs no --emulate")
    engine = f"an emulated {target.cpu}" if foreign else "this machine"
    if native:
        engine += f", in tiles of {own_size[0]}x{own_size[1]}"
    with open_model(path, threads, say, tile=native) as model:
        assert threshold is not None  # of other tasks none is opened
        yield Predictor(str(path), engine, None if native else own_size, model.probability, threshold, scores)


def torch_predictor(name: str, size: tuple[int, int] | None, threads: int) -> Predictor:
    """PyTorch, float32. Raises CompileError."""
    known_checkpoint(name)
    trained = shipped_weights(name) if name in NETWORKS else None
    if name in NETWORKS and trained is None:
        raise CompileError(f"preset '{name}' has no trained weights; train it: biisnet train {name} --data DIR")
    network = load_checkpoint(trained or Path(name))
    check_grey(name, network.config.in_channels)
    import torch

    from ..model.predict import predict

    torch.set_num_threads(threads)
    return Predictor(name, "PyTorch", size, lambda image: predict(network, image))


def onnx_predictor(model: OnnxModel, name: str, size: tuple[int, int] | None, threads: int, native: bool) -> Predictor:
    """ONNX Runtime, on a float model or on an integer one, whose logits become probabilities. Raises CompileError."""
    from onnx import TensorProto  # all these are of the extra `compile`, which PyTorch needs none of

    from ..compile.frontend.shapes import input_shape, only_input, open_sides
    from ..compile.onnx_runtime import session

    if model.task not in (None, DETECTION):
        raise CompileError(f"{name}: is for {model.task}; eval takes networks for detection")
    source = only_input(model.proto.graph, name)
    _, channels, height, width = input_shape(model.proto.graph, size, name)
    check_grey(name, channels)
    if native and len(open_sides(model.proto.graph, name)) < 2:
        raise CompileError(f"{name}: takes frames of {height}x{width} only; --native needs one of symbolic sides")
    run = session(model.proto, name, threads).run
    takes_bytes = source.type.tensor_type.elem_type == TensorProto.UINT8
    answer = onnx_answer(model)

    def predict(image: F32) -> F32:
        frame = whole_levels(image) if takes_bytes else image
        result: Values = run(None, {source.name: frame[None, None]})[0]
        if result.shape != (1, 1, *image.shape):
            raise CompileError(
                f"{name}: gives {list(result.shape)} of a frame of {image.shape[0]}x{image.shape[1]}, and a "
                "detection's output is one plane of its frame's size; eval takes networks for detection"
            )
        return answer.probability(result[0, 0]) if answer else result[0, 0]

    engine = "ONNX Runtime, in integers" if takes_bytes else "ONNX Runtime"
    return Predictor(name, engine, None if native else (height, width), predict, model.threshold, model.scores)


def onnx_answer(model: OnnxModel) -> Answer | None:
    """What an ONNX file's output says, where it is a logit in integers; None of probabilities."""
    from onnx.helper import tensor_dtype_to_np_dtype

    if model.logit_scale is None:
        return None
    output = model.proto.graph.output[0]
    dtype = tensor_dtype_to_np_dtype(output.type.tensor_type.elem_type).name
    return Answer(Tensor(output.name, dtype, (), LOGIT, model.logit_scale))


def check_size(name: str, asked: tuple[int, int] | None, own: tuple[int, int]) -> None:
    """Raise CompileError where a model of one size is asked for another."""
    if asked not in (None, own):
        raise CompileError(f"{name}: takes frames of {own[0]}x{own[1]}; leave --size out")


@dataclass(frozen=True)
class Evaluation:
    """Figures that `biisnet eval` found."""

    model: str
    engine: str
    data: str
    frames: int
    targets: int  # in all frames
    size: tuple[int, int] | None  # what frames were resized to
    threshold: float
    metrics: Metrics
    roc: list[tuple[float, Metrics]]
    reliability: Reliability
    allowed: OperatingPoint | None = None
    """Operating points by a budget of false alarms, where one was given."""
    scores: Platt = UNSCALED
    """The model's own, which `reliability` is of."""
    fitted: Scaling | None = None
    """Those that its detections here ask for, where that was."""
    failed: tuple[str, ...] = ()
    """Why there is no threshold or no scores, where they were asked for."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        curve = [{"threshold": threshold, **m.as_dict()} for threshold, m in self.roc]
        return {
            **asdict(self),
            "protocol": "resized" if self.size else "native",
            "metrics": self.metrics.as_dict(),
            "roc": curve,
            "reliability": self.reliability.as_dict(),
            "allowed": self.allowed.as_dict() if self.allowed else None,
            "fitted": self.fitted.as_dict() if self.fitted else None,
        }

    def summary(self) -> str:
        """A line for a person, one of what a budget allows, and one of fitted scores."""
        none = "" if self.targets else ", none of them with a target (are these their masks?)"
        lines = [f"{self.frames} frames {self.protocol}{none}: {self.metrics.summary()}"]
        return "\n".join(lines + [found.summary() for found in (self.allowed, self.fitted) if found])

    @property
    def protocol(self) -> str:
        """The way in which frames came to the network: figures of one protocol are not beside those of the other."""
        if self.size:
            return f"resized to {self.size[0]}x{self.size[1]}"
        return "at native size, padded and not resized"


def evaluate_model(
    predictor: Predictor,
    data: str,
    frames: list[Frame],
    threshold: float | None,
    overlays: Path | None,
    budget: float | None = None,
    fit: bool = False,
) -> Evaluation:
    """The metrics of a model on frames of its size, at its own threshold where none is given; a picture of each frame
    goes to `overlays`.

    `budget` is an Fa for which a threshold is looked for, `fit` asks for scores that are shares of targets; where there
    is none, `failed` says why.
    """
    counts, probabilities = Counts(), []
    threshold = predictor.threshold if threshold is None else threshold
    if overlays:
        overlays.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        probabilities.append(predictor.predict(frame.image))
        match = counts.add(probabilities[-1] > threshold, frame.mask)
        if overlays:
            place = overlays / f"{frame.name}.png"
            place.parent.mkdir(parents=True, exist_ok=True)  # names may have folders
            write_whole(place, overlay(frame.image, match))
    masks = [f.mask for f in frames]
    curve = roc(probabilities, masks, list(THRESHOLDS))
    peaks, hits = all_scored(probabilities, masks)
    allowed, fitted, failed = None, None, list[str]()
    with noted(failed):
        allowed = None if budget is None else operating_point(probabilities, masks, budget)
    with noted(failed):
        fitted = fit_scores(peaks, hits, predictor.scores) if fit else None
    return Evaluation(
        predictor.name,
        predictor.engine,
        data,
        len(frames),
        counts.targets,
        predictor.size,
        threshold,
        counts.metrics(),
        curve,
        binned(peaks, hits, predictor.scores),
        allowed,
        predictor.scores,
        fitted,
        tuple(failed),
    )


@contextmanager
def noted(failed: list[str]) -> Iterator[None]:
    """What cannot be found is said at the end: figures that were found stay."""
    try:
        yield
    except InputError as e:
        failed.append(str(e))


def roc_picture(result: Evaluation) -> bytes:
    """Pd over Fa at THRESHOLDS, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([1e6 * m.fa for _, m in result.roc], [m.pd for _, m in result.roc], ".-")
    axes.plot(1e6 * result.metrics.fa, result.metrics.pd, "o", label=f"threshold {result.threshold:g}")
    axes.set(xlabel="Fa, pixels of a million", ylabel="Pd", title=f"{result.model}, {result.data}")
    axes.set(xlim=(0, None), ylim=(0, 1.02))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure_png(figure)
