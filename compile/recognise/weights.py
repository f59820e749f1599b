# SPDX-License-Identifier: Apache-2.0
"""Two-level weights: bits and levels of a convolution's weights, or why they have none.

PyTorch's exports compute binarized weights with rounding, (s - w) + w or sign(w) mean|w|: up to eight values a filter
that spread by 5e-7 of them. Values nearer than TOLERANCE, relative to the filter's largest, are one level, their mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
TOLERANCE = 1e-6


@dataclass(frozen=True)
class TwoLevels:
    """Weights as bits, bool of the weights' shape, and levels [M, 2]: lower, upper."""

    bits: Array
    levels: Array
    spread: float
    """The largest difference between a weight and its level, relative to the filter's largest weight."""

    @property
    def is_symmetric(self) -> bool:
        """Whether the levels are -s and +s in every filter."""
        return bool((self.levels[:, 0] == -self.levels[:, 1]).all())


def two_levels(weights: Array) -> TwoLevels | str:
    """The levels of weights [M, ...], a filter each; or the reason why there are not two, for a user."""
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    lower, upper = flat.min(1), flat.max(1)
    largest = np.abs(flat).max(1)
    middle = (lower + upper)[:, None] / 2
    near_zero = np.abs(lower + upper) <= 2 * TOLERANCE * largest
    one_valued = upper - lower <= TOLERANCE * largest
    bits = np.where(one_valued[:, None], flat >= 0, flat > np.where(near_zero[:, None], 0.0, middle))
    upper_of, lower_of = mean_where(flat, bits), mean_where(flat, ~bits)
    # a filter of one value has levels +- it; one of -s and +s has exactly these
    magnitude = np.abs(flat).mean(1)
    mirrored = one_valued | near_zero
    levels = np.stack([np.where(mirrored, -magnitude, lower_of), np.where(mirrored, magnitude, upper_of)], 1)
    levels = levels.astype(np.float32)
    error = np.abs(flat - np.where(bits, levels[:, 1:], levels[:, :1]).astype(np.float64))
    spread = (error / np.maximum(largest, 1e-300)[:, None]).max()
    if spread > TOLERANCE:
        return why_not(flat)
    return TwoLevels(bits.reshape(weights.shape), levels, float(spread))


def mean_where(flat: Array, mask: Array) -> Array:
    """The mean of what a mask takes of each row, 0 of nothing."""
    means: Array = np.where(mask, flat, 0).sum(1) / np.maximum(mask.sum(1), 1)
    return means


def why_not(flat: Array) -> str:
    """How many values the worst filter has."""
    scaled = np.round(flat / np.maximum(np.abs(flat).max(1, keepdims=True), 1e-300) / TOLERANCE)
    counts = [len(np.unique(row)) for row in scaled]
    if max(counts) == 3 and all(
        (np.abs(row) * TOLERANCE < 1.5 * TOLERANCE).any() for row in scaled if len(np.unique(row)) == 3
    ):
        return "its weights are ternary: -s, 0 and +s"
    return f"its weights have up to {max(counts)} values in a filter, not two"


def looks_binary(weights: Array) -> bool:
    """Whether weights are -s and +s in every filter, of enough taps that this is no chance."""
    found = two_levels(weights)
    if isinstance(found, str) or weights[0].size <= 2 or not found.is_symmetric:
        return False
    return bool(found.bits.any() and not found.bits.all())
