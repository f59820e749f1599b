# SPDX-License-Identifier: Apache-2.0
"""How sure a difference of mIoU is: frames drawn anew with replacement (bootstrap: Efron 1979), the same for all.

mIoU sums pixels over a data set before it divides, so a few frames of many pixels carry it; what it would be of other
frames of their kind is as wide as it is over such draws.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DRAWS, SEED = 2000, 0
F64 = npt.NDArray[np.float64]


def resampled_miou(overlaps: list[tuple[int, int]]) -> F64:
    """mIoU of each of DRAWS draws [DRAWS] of frames with (pixels of intersection, of union); of as many frames the
    draws are the same. NaN where no drawn frame has a pixel."""
    counts = np.array(overlaps, np.int64).reshape(-1, 2)
    drawn = np.random.default_rng(SEED).integers(len(counts), size=(DRAWS, len(counts)))
    both, either = counts[drawn].sum(1).T
    return np.divide(both, either, out=np.full(DRAWS, np.nan), where=either > 0)


def share_below(figures: F64, others: F64) -> float:
    """In what share of the draws the one's figure is below the other's; equal ones count half."""
    return float(np.mean((figures < others) + 0.5 * (figures == others)))
