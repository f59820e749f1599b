# SPDX-License-Identifier: Apache-2.0
"""The task "detection": an output's values -> the mask and the targets in them. numpy only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .answers import F32, Answer, Values
from .errors import BundleError
from .platt import UNSCALED, Platt
from .signature import Signature


@dataclass(frozen=True)
class Detection:
    """One target: pixels above the threshold that touch at a side or a corner.

    Rows and columns count from 0 at the top left; the box is `height` x `width` pixels from (`top`, `left`).
    """

    top: int
    left: int
    height: int
    width: int
    row: float  # of the pixels' centroid, each weighted by its probability
    column: float
    score: float  # of the highest probability; without a scaling that itself
    pixels: int


@dataclass(frozen=True)
class Detector:
    """Mask and targets of values [H, W] of a model's output: a pixel is a target's where its value is above the
    threshold, which is a value, too. `scores` makes a target's score of its highest probability."""

    answer: Answer
    threshold: float
    scores: Platt = UNSCALED

    def mask(self, values: Values) -> npt.NDArray[np.bool_]:
        """True at the pixels of targets."""
        # in a type that has a threshold below all int16, too
        cut = np.float32(self.threshold) if self.answer.is_float else np.int32(self.threshold)
        mask: npt.NDArray[np.bool_] = values > cut
        return mask

    def probability(self, values: Values) -> F32:
        """float32 [H, W], 0..1."""
        return self.answer.probability(values)

    def targets(self, values: Values) -> list[Detection]:
        """Targets from top to bottom."""
        return [found.detection for found in self.components(values)]

    def components(self, values: Values) -> list[Component]:
        """The same with their pixels."""
        return _measured(self.probability(values), self.mask(values), self.scores)


def detector(signature: Signature, name: str, threshold: float | None = None) -> Detector:
    """Detector of the model `name`'s targets, at a threshold of probabilities or else at the model's own. Raises
    BundleError for a model of another task."""
    if signature.threshold is None:
        raise BundleError(
            f"{name}: is a model for {signature.task}, which finds no targets; take its outputs from the library "
            "(docs/runtime.md)"
        )
    answer = Answer(signature.outputs[0])
    at = answer.threshold(signature.threshold if threshold is None else threshold)
    return Detector(answer, at, signature.scores)


@dataclass(frozen=True)
class Run:
    """Columns `begin` to below `end` of a row."""

    row: int
    begin: int
    end: int


@dataclass(frozen=True)
class Component:
    """A target and its pixels."""

    detection: Detection
    runs: tuple[Run, ...]

    def erase(self, mask: npt.NDArray[np.bool_]) -> None:
        """Take its pixels from a mask [H, W]."""
        for run in self.runs:
            mask[run.row, run.begin : run.end] = False


def detect(probability: F32, threshold: float) -> list[Detection]:
    """The targets of a map [H, W], from top to bottom: where it is above `threshold`. Scores are the highest
    probabilities."""
    return [found.detection for found in _measured(probability, probability > np.float32(threshold), UNSCALED)]


def _measured(probability: F32, mask: npt.NDArray[np.bool_], scores: Platt) -> list[Component]:
    found = [Component(_measure(probability, runs, scores), tuple(runs)) for runs in _components(mask)]
    return sorted(found, key=lambda c: (c.detection.top, c.detection.left, c.detection.row, c.detection.column))


def _components(mask: npt.NDArray[np.bool_]) -> list[list[Run]]:
    """8-connected components, each as the runs of set pixels in its rows (union-find over the runs)."""
    parent: dict[Run, Run] = {}

    def root(run: Run) -> Run:
        while parent[run] is not run:
            parent[run] = run = parent[parent[run]]  # halves the path
        return run

    above: list[Run] = []
    for row in np.flatnonzero(mask.any(axis=1)):
        below = list(_runs(int(row), mask[row]))
        parent.update((run, run) for run in below)
        if above and above[0].row < row - 1:
            above = []
        first = 0
        for run in below:
            while first < len(above) and above[first].end < run.begin:
                first += 1
            # those that reach past this run's end may touch the next one too
            for other in itertools.islice(above, first, None):
                if other.begin > run.end:
                    break
                parent[root(run)] = root(other)
        above = below
    groups: dict[Run, list[Run]] = {}
    for run in parent:
        groups.setdefault(root(run), []).append(run)
    return list(groups.values())


def _runs(row: int, pixels: npt.NDArray[np.bool_]) -> Iterator[Run]:
    edges = np.flatnonzero(np.diff(pixels, prepend=False, append=False))
    return (Run(row, int(begin), int(end)) for begin, end in edges.reshape(-1, 2))


def _measure(probability: F32, runs: list[Run], scores: Platt) -> Detection:
    rows = np.concatenate([np.full(r.end - r.begin, r.row) for r in runs])
    columns = np.concatenate([np.arange(r.begin, r.end) for r in runs])
    weights = probability[rows, columns].astype(np.float64)
    total = weights.sum()
    return Detection(
        top=int(rows.min()),
        left=int(columns.min()),
        height=int(np.ptp(rows)) + 1,
        width=int(np.ptp(columns)) + 1,
        row=float(rows @ weights / total),
        column=float(columns @ weights / total),
        score=float(scores.score(weights.max())),
        pixels=len(rows),
    )
