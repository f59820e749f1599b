# SPDX-License-Identifier: Apache-2.0
"""A detection's highest probability -> its score, the share of such detections that are targets; runner/answer.c is the
same, bit for bit. numpy only.

    score = sigmoid(slope * logit(p) + offset),   logit(p) = log(p / (1 - p))

(Platt scaling: J. Platt, "Probabilistic outputs for support vector machines", 1999; of a network's logits: Guo, Pleiss,
Sun, Weinberger, "On calibration of modern neural networks", 2017.) In float64, rounded to float32. A probability of 1,
whose logit is infinite, counts as the greatest float32 below it, of 16.6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .elementary import F64, exponential, logarithm

LEAST, GREATEST = 2.0**-149, 1 - 2.0**-24
"""The float32s next to 0 and to 1."""
GIVE = "give SLOPE,OFFSET, finite numbers, the slope above 0"


def logit(probability: npt.ArrayLike) -> F64:
    """float64 log(p / (1 - p)) of float32 probabilities 0..1, any shape."""
    p = np.clip(np.asarray(probability, np.float64), LEAST, GREATEST)
    return logarithm(p / (1 - p))


@dataclass(frozen=True)
class Platt:
    """The two numbers; without them scores are the probabilities themselves. Raises ValueError where the slope is not
    finite and above 0, or the offset not finite."""

    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.offset)):
            raise ValueError(f"scores {self}: {GIVE}")

    def __str__(self) -> str:
        return f"{self.slope!r},{self.offset!r}"

    @classmethod
    def parse(cls, text: str) -> Platt:
        """'0.41,-1.2'. Raises ValueError."""
        try:
            slope, offset = map(float, text.split(","))
            return cls(slope, offset)
        except ValueError:
            raise ValueError(f"scores {text}: {GIVE}") from None

    def score(self, probability: npt.ArrayLike) -> npt.NDArray[Any]:
        """float32 scores of float32 probabilities, any shape."""
        if self == UNSCALED:
            return np.asarray(probability, np.float32)
        with np.errstate(over="ignore"):  # to infinity, of which the sigmoid is 0 or 1
            meant = self.slope * logit(probability) + self.offset
        return np.asarray(1 / (1 + exponential(-meant)), np.float32)


UNSCALED = Platt()
"""Of which scores are the probabilities themselves, to the last bit."""
