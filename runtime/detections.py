# SPDX-License-Identifier: Apache-2.0
"""The task "detection": a probability map -> its mask and the targets in it. numpy only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import BundleError
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
    score: float  # the highest probability
    pixels: int


@dataclass(frozen=True)
class Detector:
    """What is made of a detection's probability map [H, W]: a pixel is a target's where it is above the threshold."""

    threshold: float

    def mask(self, probability: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """True at the pixels of targets."""
        mask: npt.NDArray[np.bool_] = probability > np.float32(self.threshold)
        return mask

    def targets(self, probability: npt.NDArray[np.float32]) -> list[Detection]:
        """Targets from top to bottom."""
        return detect(probability, self.threshold)


def detector(signature: Signature, name: str) -> Detector:
    """What finds the targets of the model `name`. Raises BundleError for a model of another task."""
    if signature.threshold is None:
        raise BundleError(
            f"{name}: is a model for {signature.task}, which finds no targets; take its outputs from the library "
            "(docs/runtime.md)"
        )
    return Detector(signature.threshold)


@dataclass(frozen=True)
class _Run:
    """Columns `begin` to below `end` of a row."""

    row: int
    begin: int
    end: int


def detect(probability: npt.NDArray[np.float32], threshold: float) -> list[Detection]:
    """The targets of a map [H, W], from top to bottom: where it is above `threshold`."""
    found = [_measure(probability, runs) for runs in _components(probability > np.float32(threshold))]
    return sorted(found, key=lambda d: (d.top, d.left, d.row, d.column))


def _components(mask: npt.NDArray[np.bool_]) -> list[list[_Run]]:
    """8-connected components, each as the runs of set pixels in its rows (union-find over the runs)."""
    parent: dict[_Run, _Run] = {}

    def root(run: _Run) -> _Run:
        while parent[run] is not run:
            parent[run] = run = parent[parent[run]]  # halves the path
        return run

    above: list[_Run] = []
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
    groups: dict[_Run, list[_Run]] = {}
    for run in parent:
        groups.setdefault(root(run), []).append(run)
    return list(groups.values())


def _runs(row: int, pixels: npt.NDArray[np.bool_]) -> Iterator[_Run]:
    edges = np.flatnonzero(np.diff(pixels, prepend=False, append=False))
    return (_Run(row, int(begin), int(end)) for begin, end in edges.reshape(-1, 2))


def _measure(probability: npt.NDArray[np.float32], runs: list[_Run]) -> Detection:
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
        score=float(weights.max()),
        pixels=len(rows),
    )
