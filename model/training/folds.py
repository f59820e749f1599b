# SPDX-License-Identifier: Apache-2.0
"""Frames in folds: each is held out once, by a network that has not seen it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets import HOLD_OUT_SEED, Frame
from ..errors import InputError
from ..metrics import Metrics


def folds(frames: list[Frame], count: int) -> list[tuple[list[Frame], list[Frame]]]:
    """`count` pairs of (the rest, those held out), random, the same for every run; in each the order given.

    The parts held out differ by a frame at most. Raises InputError.
    """
    if not 2 <= count <= len(frames):
        raise InputError(f"{len(frames)} frames: {count} folds, expected 2 to as many as there are frames")
    fold = np.empty(len(frames), int)
    fold[np.random.default_rng(HOLD_OUT_SEED).permutation(len(frames))] = np.arange(len(frames)) % count
    return [
        (
            [f for f, own in zip(frames, fold, strict=True) if own != n],
            [f for f, own in zip(frames, fold, strict=True) if own == n],
        )
        for n in range(count)
    ]


@dataclass(frozen=True)
class Spread:
    """A figure over the folds."""

    mean: float
    deviation: float
    """Of the sample, n - 1; NaN of one fold."""


def spread(figures: Sequence[float]) -> Spread:
    """Mean and standard deviation of those that are a number; NaN of none."""
    known = [f for f in figures if not math.isnan(f)]
    mean = float(np.mean(known)) if known else math.nan
    return Spread(mean, float(np.std(known, ddof=1)) if len(known) > 1 else math.nan)


def spreads(found: Sequence[Metrics]) -> dict[str, Spread]:
    """Mean and deviation of each metric, by its name."""
    return {name: spread([getattr(m, name) for m in found]) for name in ("miou", "niou", "pd", "fa")}
