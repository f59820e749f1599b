# SPDX-License-Identifier: Apache-2.0
"""What the file does not say and its user does: the task, a detection's threshold and what makes its scores, and what
was done to pixels before the network.

    y = (level - mean) / std  =  level * (1 / std) + (-mean / std)

The normalisation becomes two nodes behind the input; task, threshold and scores, and where the file
came from, are metadata.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import numpy_helper

from ...runtime.levels import WHITE
from ...runtime.platt import GIVE, Platt
from ...runtime.signature import DETECTION, TASKS
from ..errors import CompileError
from ..refusals import images
from ..refusals.refusal import Refusal
from .loader import PREPARED_FROM, SCORES, OnnxModel
from .shapes import only_input

MEAN, STD = "normalisation_mean", "normalisation_std"
"""Metadata: of each channel, in levels 0 to 255."""
CHANNELS, CHANNELS_LAST = 1, 3
"""Axes of an image that may be its channels."""


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of levels 0 to 255, of each channel, or one for all."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, mean: Sequence[float], std: Sequence[float]) -> Normalisation:
        """The same in the user's unit: pixels 0 to 1 where no number is above 1, else levels 0 to 255. Raises
        CompileError."""
        mean, std = mean or (0.0,), std or (1.0,)
        numbers = (*mean, *std)
        if not all(map(math.isfinite, numbers)) or min(std) <= 0:
            raise CompileError(
                f"--mean {text(mean)} --std {text(std)}: give finite numbers, of --std above 0", images.NORMALISATION
            )
        if len(mean) != len(std) and 1 not in (len(mean), len(std)):
            raise CompileError(
                f"--mean has {len(mean)} numbers, --std {len(std)}; give one for each channel, or one for all",
                images.NORMALISATION,
            )
        if are_of_two_units(mean, std):
            raise CompileError(
                f"--mean {text(mean)} --std {text(std)}: one is of levels 0 to 255, the other of pixels 0 to 1; give "
                "both in one unit",
                images.NORMALISATION,
            )
        unit = WHITE if is_of_one(numbers) else 1.0
        count = max(len(mean), len(std))

        def spread(values: Sequence[float]) -> tuple[float, ...]:
            return tuple(unit * v for v in (list(values) * count if len(values) == 1 else values))

        return cls(spread(mean), spread(std))

    def __str__(self) -> str:
        return f"(level - {text(self.mean)}) / {text(self.std)}"


def is_of_one(numbers: Sequence[float]) -> bool:
    """Whether mean and standard deviation are those of pixels 0 to 1."""
    return all(abs(v) <= 1 for v in numbers)


def are_of_two_units(mean: Sequence[float], std: Sequence[float]) -> bool:
    """Whether one is of levels, the other of pixels 0 to 1. A mean of 0 or 1, and a deviation of 1, are of either."""
    of_levels = (any(abs(m) > 1 for m in mean), any(s > 1 for s in std))
    of_pixels = (all(0 < abs(m) < 1 for m in mean), all(s < 1 for s in std))
    return (of_levels[0] and of_pixels[1]) or (of_pixels[0] and of_levels[1])


def text(numbers: Sequence[float]) -> str:
    """Numbers as an option has them."""
    return ",".join(f"{v:.9g}" for v in numbers)


def prepare(
    model: OnnxModel,
    task: str | None = None,
    normalisation: Normalisation | None = None,
    threshold: float | None = None,
    scores: str | None = None,
) -> OnnxModel:
    """The model with what its user says of it; the same where that is nothing. A threshold, of probabilities, and
    scores, 'SLOPE,OFFSET', say that it is for detection. Raises CompileError."""
    if task is None and normalisation is None and threshold is None and scores is None:
        return model
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    told = {PREPARED_FROM: model.sha256}
    if task is not None:
        if task not in TASKS:
            raise CompileError(f"--task {task}: give {', '.join(TASKS[:-1])} or {TASKS[-1]}", images.TASK)
        told["task"] = task
    if threshold is not None:
        told |= {"task": DETECTION, "threshold": repr(checked_threshold(model, task, threshold))}
    if scores is not None:
        told |= {"task": DETECTION, SCORES: str(checked_scores(model, task, scores))}
    if normalisation is not None:
        normalise(proto, normalisation, model.path)
        told |= {MEAN: text(normalisation.mean), STD: text(normalisation.std)}
    kept = {**model.metadata, **told}
    del proto.metadata_props[:]
    for key, value in sorted(kept.items()):
        proto.metadata_props.add(key=key, value=value)
    data = proto.SerializeToString(deterministic=True)
    return replace(model, proto=proto, data=data, sha256=hashlib.sha256(data).hexdigest(), called=model.name)


def checked_threshold(model: OnnxModel, task: str | None, threshold: float) -> float:
    """The threshold. Raises CompileError where it is none, or the model is said to be for another task."""
    if not 0 <= threshold <= 1:
        raise CompileError(
            f"--threshold {threshold:g}: give a probability from 0 to 1, above which a pixel is a target",
            images.THRESHOLD,
        )
    check_detection(model, task, "--threshold", images.THRESHOLD)
    return float(threshold)


def checked_scores(model: OnnxModel, task: str | None, scores: str) -> Platt:
    """What makes scores. Raises CompileError as `checked_threshold`."""
    check_detection(model, task, "--scores", images.SCORES)
    try:
        return Platt.parse(scores)
    except ValueError as e:
        raise CompileError(f"--scores {scores}: {GIVE}", images.SCORES) from e


def check_detection(model: OnnxModel, task: str | None, option: str, refusal: Refusal) -> None:
    """Raise CompileError where the model is said to be for another task than an option."""
    stated = task or model.task or DETECTION
    if stated != DETECTION:
        raise CompileError(f"{model.path}: is for {stated}; {option} is for detection, leave it out", refusal)


def normalise(proto: onnx.ModelProto, normalisation: Normalisation, path: str) -> None:
    """Put a normalisation behind the image. Raises CompileError where there is none, or of other channels."""
    graph = proto.graph
    image = only_input(graph, path)
    shape = [d.dim_value for d in image.type.tensor_type.shape.dim]
    value, shape, after = behind_image(graph, image.name, shape)
    is_cast = any(n.op_type == "Cast" and to_float(n) for n in graph.node[:after])
    count = len(normalisation.mean)
    axis = next((a for a in (CHANNELS, CHANNELS_LAST) if len(shape) == 4 and shape[a] == count), CHANNELS)
    if len(shape) != 4 or (count > 1 and shape[axis] != count):
        raise CompileError(
            f"{path}: --mean and --std are of {count} channels, its image is {shape}", images.NORMALISED_IMAGE
        )
    # of its shape the image itself is asked: that is known where the size is
    users = [node for node in graph.node if value in node.input and node.op_type != "Shape"]
    if image.type.tensor_type.elem_type != onnx.TensorProto.FLOAT and not is_cast:
        kind = onnx.TensorProto.DataType.Name(image.type.tensor_type.elem_type).lower()
        raise CompileError(
            f"{path}: its image is {kind}, and --mean and --std are of float32; export the network in "
            "float32, or with the normalisation in it",
            images.NORMALISED_IMAGE,
        )
    mean, std = (np.array(v, np.float64).reshape([count if a == axis else 1 for a in range(4)]) for v in
                 (normalisation.mean, normalisation.std))  # fmt: skip
    taken = {*(t.name for t in graph.initializer), *(o for n in graph.node for o in n.output)}
    names = [fresh(f"{value}_{what}", taken) for what in ("scale", "shift", "scaled", "normalised")]
    graph.initializer.append(numpy_helper.from_array((1 / std).astype(np.float32), names[0]))
    graph.initializer.append(numpy_helper.from_array((-mean / std).astype(np.float32), names[1]))
    for node in users:
        for i, name in enumerate(node.input):
            if name == value:
                node.input[i] = names[3]
    nodes = list(graph.node)
    nodes[after:after] = [
        onnx.helper.make_node("Mul", [value, names[0]], [names[2]], name=names[2]),
        onnx.helper.make_node("Add", [names[2], names[1]], [names[3]], name=names[3]),
    ]
    del graph.node[:]
    graph.node.extend(nodes)


def behind_image(graph: onnx.GraphProto, value: str, shape: list[int]) -> tuple[str, list[int], int]:
    """(the value, its shape, the position after its node) behind what only casts and turns the image."""
    after = 0
    while True:
        users = [(i, node) for i, node in enumerate(graph.node) if value in node.input]
        if len(users) != 1 or users[0][1].op_type not in ("Cast", "Transpose") or users[0][1].domain:
            return value, shape, after
        at, node = users[0]
        if node.op_type == "Transpose":
            perm = next((list(a.ints) for a in node.attribute if a.name == "perm"), list(range(len(shape)))[::-1])
            shape = [shape[p] for p in perm]
        value, after = node.output[0], at + 1


def to_float(node: onnx.NodeProto) -> bool:
    """Whether a Cast is to float32."""
    return any(a.name == "to" and a.i == onnx.TensorProto.FLOAT for a in node.attribute)


def fresh(name: str, taken: set[str]) -> str:
    """A name that nothing has yet."""
    while name in taken:
        name += "_"
    return name
