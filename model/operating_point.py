# SPDX-License-Identifier: Apache-2.0
"""The threshold that a false-alarm budget allows: what Pd is left when Fa may be so much and no more."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError
from .metrics import F32, Mask, Metrics, evaluate

TOP = float(np.nextafter(np.float32(1), np.float32(0)))
"""The highest threshold that a pixel can be above."""
LOGITS = tuple(float(v) for v in np.arange(-4, 16.51, 0.25))
"""Thresholds that are looked at first: probabilities from 0.018 to 0.99999993, the closer the nearer to 1."""


@dataclass(frozen=True)
class OperatingPoint:
    """Threshold that a budget allows, and its figures."""

    budget: float
    """Pixels of false detections, of all pixels."""
    threshold: float
    metrics: Metrics

    def summary(self) -> str:
        """One line for a person."""
        return f"Fa of at most {1e6 * self.budget:g}e-6: threshold {self.threshold:.9g}, {self.metrics.summary()}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"budget": self.budget, "threshold": self.threshold, "metrics": self.metrics.as_dict()}


def operating_point(probabilities: list[F32], truths: list[Mask], budget: float) -> OperatingPoint:
    """The lowest threshold from which on Fa never exceeds `budget`, of probability maps and masks [H, W].

    Fa is looked at in steps of a quarter of a logit; within the step in which it first exceeds the budget it is taken
    to fall with the threshold, and the pixel is found that is the first too many. None is below 0.018.

    Raises InputError where there is none.
    """
    # from above: Fa may fall again below a threshold, where detections run into a target
    allowed = None
    for threshold in (TOP, *(float(np.float32(1 / (1 + np.exp(-logit)))) for logit in reversed(LOGITS))):
        metrics = evaluate(probabilities, truths, threshold)
        if not metrics.fa <= budget:
            break
        allowed = OperatingPoint(budget, threshold, metrics)
    if allowed is None:
        raise InputError(f"--fa-budget {budget:g}: no threshold has so few false alarms on these frames; give more")
    # what is above a threshold changes at the pixels' own values
    between = np.concatenate([p[(p > threshold) & (p < allowed.threshold)] for p in probabilities])
    candidates = [float(value) for value in np.unique(between)]
    first = bisect_left(candidates, True, key=lambda t: evaluate(probabilities, truths, t).fa <= budget)
    if first == len(candidates):
        return allowed
    return OperatingPoint(budget, candidates[first], evaluate(probabilities, truths, candidates[first]))
