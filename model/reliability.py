# SPDX-License-Identifier: Apache-2.0
"""Reliability: of detections that were given a score, how many are targets?

A detection is an 8-connected component above a threshold, its score the highest probability in it, or what Platt
scaling makes of that; it is a target where Pd counts it as one. Of a calibrated network's detections with a score of
0.8, four of five are targets.

    ECE = sum over bins of |share of targets - mean score| * detections / all detections

(Expected calibration error: Naeini, Cooper, Hauskrecht 2015.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..runtime.elementary import F64
from ..runtime.platt import UNSCALED, Platt
from .figures import figure_png
from .metrics import EIGHT, F32, Mask, match_components

LOWEST = 0.05
"""Probability above which a pixel is of a detection here: low scores are part of the question."""
BINS = 10


@dataclass(frozen=True)
class Bin:
    """Detections of about one score."""

    detections: int
    score: float
    """The mean."""
    targets: float
    """Their share."""


@dataclass(frozen=True)
class Reliability:
    """All detections of some frames, by score."""

    bins: list[Bin]
    """Those that have any, by score."""
    error: float
    """ECE; NaN without a detection."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN."""
        return {"bins": [asdict(b) for b in self.bins], "error": None if np.isnan(self.error) else self.error}


def scored(probability: F32, truth: Mask, threshold: float = LOWEST) -> list[tuple[float, bool]]:
    """Each detection's highest probability and whether it is a target, in one frame [H, W]."""
    labels, count = ndimage.label(probability > threshold, EIGHT)
    if not count:
        return []
    match = match_components(probability > threshold, truth)
    hits = {detection.label for _, detection in match.found}
    peaks = ndimage.maximum(probability, labels, range(1, count + 1))
    return [(float(peak), n in hits) for n, peak in enumerate(peaks, 1)]


def all_scored(probabilities: list[F32], truths: list[Mask]) -> tuple[F64, Mask]:
    """The same of all detections of probability maps against masks, two arrays [n]."""
    found = [d for p, t in zip(probabilities, truths, strict=True) for d in scored(p, t)]
    return np.array([p for p, _ in found], np.float64), np.array([h for _, h in found], bool)


def binned(peaks: F64, hits: Mask, scores: Platt = UNSCALED) -> Reliability:
    """Reliability, in BINS bins of equal width, of detections with the highest probabilities `peaks` [n], of which
    `hits` [n] are targets."""
    if not len(peaks):
        return Reliability([], float("nan"))
    said = scores.score(peaks).astype(np.float64)
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = [
        Bin(int(own.sum()), float(said[own].mean()), float(hits[own].mean()))
        for own in (place == n for n in range(BINS))
        if own.any()
    ]
    return Reliability(bins, sum(abs(b.targets - b.score) * b.detections for b in bins) / len(peaks))


def picture(found: Reliability, title: str) -> bytes:
    """Share of targets over score, each point's number of detections beside it, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "--", color="tab:gray", label="calibrated")
    axes.plot([b.score for b in found.bins], [b.targets for b in found.bins], ".-", label=f"ECE {found.error:.3f}")
    for b in found.bins:
        axes.annotate(str(b.detections), (b.score, b.targets), textcoords="offset points", xytext=(4, -10), fontsize=8)
    axes.set(
        xlabel="score of a detection", ylabel="share that are targets", title=title, xlim=(0, 1), ylim=(-0.02, 1.02)
    )
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    return figure_png(figure)
