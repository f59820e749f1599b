# SPDX-License-Identifier: Apache-2.0
"""The signature of a model: what it is for, and its inputs and outputs with shape, dtype and meaning.

A bundle's manifest has it, the library tells it (include/biisnet.h), the compiler finds it; all that must know what a
model's tensors are asks it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import BundleError
from .platt import UNSCALED, Platt

MAP, DETECTION, SEGMENTATION, CLASSIFICATION = "map", "detection", "segmentation", "classification"
TASKS = (MAP, DETECTION, SEGMENTATION, CLASSIFICATION)
PROBABILITY, LOGIT = "probability", "logit"
MEANINGS = ("map", "image", PROBABILITY, "scores", LOGIT)
DTYPES = ("float32", "uint8", "uint16", "int16")
"""Words of the manifest, in the order of the enums of include/biisnet.h."""
INPUT_DTYPES = ("float32", "uint8")
ANSWERS = (PROBABILITY, LOGIT)
"""Meanings that say how probable a target is."""
SCALES = (1e-6, 1e3)
"""Bounds of a scale: below them all int16 logits have one probability, above them only 0 is between 0 and 1."""
MAX_RANK = 4


@dataclass(frozen=True)
class Tensor:
    """An input or output, dense in C order; images and maps are [1, C, H, W]."""

    name: str
    dtype: str  # one of DTYPES
    shape: tuple[int, ...]
    meaning: str
    """"image": grey levels 0..255; "probability": 0..1; "logit": its sigmoid is one; "scores": one a class; "map":
    anything else."""
    scale: float | None = None
    """Of a probability or a logit in integers: the number that is meant is scale * value. None of others."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of an image or a map; None of a vector."""
        return self.shape[-2:] if len(self.shape) == MAX_RANK else None  # type: ignore[return-value]

    @property
    def is_answer(self) -> bool:
        """Whether it says how probable a target is: `answers.Answer` reads it."""
        return self.meaning in ANSWERS

    @property
    def has_scale(self) -> bool:
        """Whether it has a scale."""
        return _has_scale(self.meaning, self.dtype)

    @property
    def is_plane(self) -> bool:
        """Whether it is one image or map of one channel."""
        return len(self.shape) == MAX_RANK and self.shape[:2] == (1, 1)


@dataclass(frozen=True)
class Signature:
    """A model's task, its tensors, and of a detection the threshold, a probability (None of other tasks), and what
    scores are made by."""

    task: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    threshold: float | None = None
    scores: Platt = UNSCALED

    @classmethod
    def parse(cls, manifest: dict[str, Any], path: str | Path = "manifest.json") -> Signature:
        """The signature in a manifest. Raises BundleError, which names `path` and the field."""

        def wrong(field: str, why: str = "is missing or mistyped") -> BundleError:
            return BundleError(f"{path}: field {field} {why}; compile the model again")

        task, threshold = manifest.get("task"), manifest.get("threshold")
        if task not in TASKS:
            raise wrong("task")
        for field in ("inputs", "outputs"):
            tensors = manifest.get(field)
            if not isinstance(tensors, list) or not all(_is_tensor(t, field == "inputs") for t in tensors):
                raise wrong(field)
            if not tensors:
                raise wrong(field, "is empty")
        is_level = isinstance(threshold, (int, float)) and not isinstance(threshold, bool) and 0 <= threshold <= 1
        if is_level != (task == DETECTION) or (threshold is not None and not is_level):
            raise wrong("threshold")
        if "scores" in manifest and task != DETECTION:
            raise wrong("scores", f"is of detection, and the task is {task}")
        try:
            scores = _platt_of(manifest["scores"]) if "scores" in manifest else UNSCALED
        except (TypeError, ValueError, OverflowError) as error:  # the last of an integer that is no float
            raise wrong("scores") from error
        inputs, outputs = (tuple(map(_tensor_of, manifest[field])) for field in ("inputs", "outputs"))
        signature = cls(task, inputs, outputs, None if threshold is None else float(threshold), scores)
        if task == DETECTION and not signature.is_plane_to_plane:
            raise wrong("task", "is detection, but the model is not from one plane to one of its size")
        if task == DETECTION and not signature.outputs[0].is_answer:
            raise wrong("task", f"is detection, but the output is a {signature.outputs[0].meaning}, no probability")
        return signature

    def as_fields(self) -> dict[str, Any]:
        """The manifest's fields, as `parse` reads them."""
        kinds = {"inputs": self.inputs, "outputs": self.outputs}
        tensors = {kind: [_fields_of(t) for t in given] for kind, given in kinds.items()}
        scores = {} if self.scores == UNSCALED else {"scores": asdict(self.scores)}
        return {"task": self.task, **tensors, "threshold": self.threshold, **scores}

    @property
    def is_plane_to_plane(self) -> bool:
        """Whether it makes one plane of one plane of the same size."""
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            return False
        (source,), (result,) = self.inputs, self.outputs
        return source.is_plane and result.is_plane and source.size == result.size

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its frames, the first image among its inputs. Raises BundleError where it takes none."""
        for tensor in self.inputs:
            if tensor.meaning == "image" and (size := tensor.size) is not None:
                return size
        raise BundleError("the model takes no image; use the C interface")

    @property
    def channels(self) -> int:
        """Channels of its frames: 1 of grey ones, 3 of colour. Raises BundleError where it takes none."""
        if why := self.why_no_frames():
            raise BundleError(f"the model {why}; use the C interface")
        return self.inputs[0].shape[1]

    def size_of_result(self, height: int, width: int) -> tuple[int, int] | None:
        """Height and width of its result for a frame of that size: as those of the first output are to the input's,
        halves rounded up. None where its output is no map; runner/values.c is the same."""
        if self.task == CLASSIFICATION or self.outputs[0].size is None:
            return None
        pairs = zip((height, width), self.outputs[0].size, self.size, strict=True)
        rows, columns = (max(1, (2 * n * out + of) // (2 * of)) for n, out, of in pairs)
        return rows, columns

    def why_no_frames(self) -> str:
        """Why it does not take frames one by one; empty where it does."""
        if len(self.inputs) != 1:
            return f"takes {len(self.inputs)} inputs at once"
        (source,) = self.inputs
        if source.meaning != "image" or source.size is None:
            return f"takes a {source.meaning} of shape {list(source.shape)}, no frames"
        return ""


def _is_tensor(value: Any, is_input: bool) -> bool:
    if not isinstance(value, dict):
        return False
    shape, dtype, meaning = value.get("shape"), value.get("dtype"), value.get("meaning")
    return (
        isinstance(value.get("name"), str)
        and dtype in (INPUT_DTYPES if is_input else DTYPES)
        and meaning in MEANINGS
        and isinstance(shape, list)
        and 1 <= len(shape) <= MAX_RANK
        and all(type(n) is int and n > 0 for n in shape)
        and not (meaning == LOGIT and dtype == "float32")
        and (_is_scale(value.get("scale")) if _has_scale(meaning, dtype) else "scale" not in value)
    )


def _has_scale(meaning: Any, dtype: Any) -> bool:
    return meaning in ANSWERS and dtype != "float32"


def _is_scale(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and SCALES[0] <= value <= SCALES[1]


def _platt_of(value: Any) -> Platt:
    if not isinstance(value, dict) or any(type(value.get(key)) not in (int, float) for key in ("slope", "offset")):
        raise TypeError
    return Platt(float(value["slope"]), float(value["offset"]))


def _tensor_of(value: dict[str, Any]) -> Tensor:
    scale = value.get("scale")
    shape = tuple(value["shape"])
    return Tensor(value["name"], value["dtype"], shape, value["meaning"], None if scale is None else float(scale))


def _fields_of(tensor: Tensor) -> dict[str, Any]:
    fields = {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape), "meaning": tensor.meaning}
    return fields | ({"scale": tensor.scale} if tensor.has_scale else {})
