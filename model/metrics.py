# SPDX-License-Identifier: Apache-2.0
"""The metrics of infrared small-target detection: BiisNet's and, but for two choices that are ours, the field's.

mIoU   intersection over union of target pixels, summed over the whole data set first
nIoU   the mean of each image's IoU; ours: 1 where there is neither a target nor a detection
Pd     targets found, of all: an 8-connected component of the truth whose centroid is less than 3 pixels from that
       of a predicted component; ours: of several the nearest, and a prediction is spent on one target
Fa     pixels of predicted components that match no target, of all pixels
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .matching import DISTANCE

Mask = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class ConnectedComponent:
    """One blob of a mask."""

    label: int
    centroid: tuple[float, float]  # row, column
    pixels: int


@dataclass(frozen=True)
class Match:
    """The matching of one frame's targets and detections; each component is in one list."""

    found: list[tuple[ConnectedComponent, ConnectedComponent]]  # target, detection
    missed: list[ConnectedComponent]
    false: list[ConnectedComponent]


@dataclass(frozen=True)
class Metrics:
    """Metrics of a data set; shares between 0 and 1, NaN where nothing is there to divide by."""

    miou: float
    niou: float
    pd: float
    fa: float

    def summary(self) -> str:
        """For a person, Fa in millionths; a dash for what is undefined."""
        shares = (("mIoU", self.miou), ("nIoU", self.niou), ("Pd", self.pd))
        texts = [f"{name} -" if math.isnan(share) else f"{name} {100 * share:.2f} %" for name, share in shares]
        return ", ".join([*texts, "Fa -" if math.isnan(self.fa) else f"Fa {1e6 * self.fa:.1f}e-6"])

    def as_dict(self) -> dict[str, float | None]:
        """For JSON, which has no NaN."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


@dataclass
class Counts:
    """Counts that the metrics are made of, added up frame by frame."""

    overlaps: list[tuple[int, int]] = field(default_factory=list)
    """Each frame's pixels of intersection and union."""
    targets: int = 0
    found: int = 0
    false_pixels: int = 0
    pixels: int = 0

    def add(self, predicted: Mask, truth: Mask) -> Match:
        """Count one frame, two masks [H, W]. Raises ValueError where they differ in size."""
        if predicted.shape != truth.shape:
            raise ValueError(f"masks of {predicted.shape} and {truth.shape} pixels")
        self.overlaps.append((int((predicted & truth).sum()), int((predicted | truth).sum())))
        match = match_components(predicted, truth)
        self.targets += len(match.found) + len(match.missed)
        self.found += len(match.found)
        self.false_pixels += sum(c.pixels for c in match.false)
        self.pixels += truth.size
        return match

    def __add__(self, other: Counts) -> Counts:
        """Of the frames of both."""
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def metrics(self) -> Metrics:
        """The metrics of all frames so far."""
        ious = [iou(*overlap) for overlap in self.overlaps]
        return Metrics(
            _share(sum(both for both, _ in self.overlaps), sum(either for _, either in self.overlaps)),
            float(np.mean(ious)) if ious else float("nan"),
            _share(self.found, self.targets),
            _share(self.false_pixels, self.pixels),
        )


def iou(intersection: int, union: int) -> float:
    """A frame's, of its pixels; 1 where there is neither a target nor a detection."""
    return intersection / union if union else 1.0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def components(mask: Mask) -> list[ConnectedComponent]:
    """The 8-connected components, in raster order of their first pixels."""
    labels, count = ndimage.label(mask, EIGHT)
    numbers = range(1, count + 1)
    centres = ndimage.center_of_mass(mask, labels, numbers)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    return [
        ConnectedComponent(n, (float(y), float(x)), int(sizes[n])) for n, (y, x) in zip(numbers, centres, strict=True)
    ]


def match_components(predicted: Mask, truth: Mask) -> Match:
    """Each target, in raster order, takes the nearest detection that is left and near enough."""
    left = components(predicted)
    found, missed = [], []
    for target in components(truth):
        distances = [np.hypot(*np.subtract(target.centroid, c.centroid)) for c in left]
        nearest = int(np.argmin(distances)) if left else -1
        if left and distances[nearest] < DISTANCE:
            found.append((target, left.pop(nearest)))
        else:
            missed.append(target)
    return Match(found, missed, left)


def evaluate(probabilities: list[F32], truths: list[Mask], threshold: float) -> Metrics:
    """The metrics of probability maps against masks, at one threshold."""
    counts = Counts()
    for probability, truth in zip(probabilities, truths, strict=True):
        counts.add(probability > threshold, truth)
    return counts.metrics()


def roc(probabilities: list[F32], truths: list[Mask], thresholds: list[float]) -> list[tuple[float, Metrics]]:
    """(threshold, metrics) of each: Pd over Fa is the curve that the field draws."""
    return [(t, evaluate(probabilities, truths, t)) for t in thresholds]
