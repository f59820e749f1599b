# SPDX-License-Identifier: Apache-2.0
"""How sure a difference of mIoU or nIoU is: frames drawn anew with replacement (bootstrap: Efron 1979), alike for all.

mIoU sums pixels over a data set before it divides, so a few frames of many pixels carry it; what it would be of other
frames of their kind is as wide as it is over such draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biisnet.model.metrics import iou

DRAWS, SEED = 2000, 0
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Resampled:
    """A network's figures over the draws, each [DRAWS]; NaN where no drawn frame has a pixel."""

    miou: F64
    niou: F64


def resample(overlaps: list[tuple[int, int]]) -> Resampled:
    """Of frames with (pixels of intersection, of union); of as many frames the draws are the same."""
    counts = np.array(overlaps, np.int64).reshape(-1, 2)
    drawn = np.random.default_rng(SEED).integers(len(counts), size=(DRAWS, len(counts)))
    both, either = counts[drawn].sum(1).T
    miou = np.divide(both, either, out=np.full(DRAWS, np.nan), where=either > 0)
    return Resampled(miou, np.array([iou(*frame) for frame in overlaps])[drawn].mean(1))


def share_below(figures: F64, others: F64) -> float:
    """In what share of the draws that have both figures the one is below the other; equal ones count half. NaN where no
    draw has both."""
    known = ~(np.isnan(figures) | np.isnan(others))
    below = (figures < others) + 0.5 * (figures == others)
    return float(np.mean(below[known])) if known.any() else math.nan
