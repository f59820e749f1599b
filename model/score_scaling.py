# SPDX-License-Identifier: Apache-2.0
"""Detections of some frames -> slope and offset of Platt scaling, by which a score is the share that are targets.

    minimise  -sum t log s + (1 - t) log(1 - s),   s = sigmoid(slope * logit(p) + offset),  p a detection's peak
    t = (n+ + 1) / (n+ + 2) of the n+ targets,  1 / (n- + 2) of the n- others

(J. Platt, "Probabilistic outputs for support vector machines", 1999, whose targets these are: detections that a logit
parts without a mistake have a finite slope, too.) The sum is convex, its minimum the only one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ..runtime.elementary import F64
from ..runtime.platt import Platt, logit
from .errors import InputError
from .metrics import Mask
from .reliability import binned

DIGITS = 6
"""Of slope and offset: more than any number of frames tells."""
FEW = 30
"""Targets or false alarms of which a fit is said to be of few."""
UNSEEN = "give more frames, such as the network has not been trained on"
STEEPEST = 100.0
"""Slope above which slope times logit and offset cancel so far that DIGITS no longer tell their sum."""


@dataclass(frozen=True)
class Scaling:
    """What was fitted, to what, and what it is good for."""

    scores: Platt
    detections: int
    targets: int
    """Detections that are one."""
    before: float
    """ECE of the scores that the model has without it."""
    after: float

    def summary(self) -> str:
        """One line for a person."""
        return (
            f"scores of {self.detections} detections, {self.targets} of them targets: slope {self.scores.slope!r}, "
            f"offset {self.scores.offset!r}, ECE {self.before:.3f} before, {self.after:.3f} after{self._few()}"
        )

    def _few(self) -> str:
        fewest = min(self.targets, self.detections - self.targets)
        return f" (few to fit by: {UNSEEN})" if fewest < FEW else ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self.scores),
            "detections": self.detections,
            "targets": self.targets,
            "error_before": self.before,
            "error_after": self.after,
        }


def fit_scores(peaks: F64, hits: Mask, own: Platt) -> Scaling:
    """The scaling of detections with the highest probabilities `peaks` [n], of which `hits` [n] are targets; `own` is
    what the model has now.

    Raises InputError where they do not tell it: without a target or without a false alarm, of one probability, or
    where more of the less probable ones are targets.
    """
    count, targets = len(hits), int(hits.sum())
    if not 0 < targets < count:
        kind = "target; give more frames" if not targets else f"false alarm; {UNSEEN}"
        raise InputError(f"--fit-scores: it takes both, and none of {count} detections is a {kind}")
    scores = maximum_likelihood(logit(peaks), hits)
    before, after = (binned(peaks, hits, s).error for s in (own, scores))
    return Scaling(scores, count, targets, before, after)


def maximum_likelihood(logits: F64, hits: Mask) -> Platt:
    """The scaling of logits [n]. Raises InputError where it is none."""
    targets = hits.sum()
    wanted = np.where(hits, (targets + 1) / (targets + 2), 1 / (len(hits) - targets + 2))
    mean, spread = logits.mean(), logits.std()
    if np.ptp(logits) == 0:
        raise InputError("--fit-scores: all detections have one probability, which tells no slope; give more frames")
    unit = np.stack([(logits - mean) / spread, np.ones_like(logits)], 1)

    def loss(x: F64) -> float:
        z = unit @ x
        return float(np.mean(np.logaddexp(0, z) - wanted * z))

    def slopes(x: F64) -> F64:
        gradient: F64 = unit.T @ (expit(unit @ x) - wanted) / len(unit)
        return gradient

    def curvature(x: F64) -> F64:
        s = expit(unit @ x)
        hessian: F64 = (unit.T * (s * (1 - s))) @ unit / len(unit)
        return hessian

    found = minimize(loss, np.zeros(2), jac=slopes, hess=curvature, method="trust-exact", options={"gtol": 1e-8}).x
    slope = found[0] / spread
    if not slope > 0:
        raise InputError(
            "--fit-scores: of the more probable detections fewer are targets, so the slope is not above 0; give more "
            "frames"
        )
    if slope > STEEPEST:
        raise InputError(
            "--fit-scores: the detections' probabilities are too close together to tell a slope; give more frames"
        )
    return Platt(rounded(slope), rounded(found[1] - slope * mean))


def rounded(value: float) -> float:
    """To DIGITS digits, which are all that is printed."""
    return float(f"{value:.{DIGITS}g}")
