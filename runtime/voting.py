# SPDX-License-Identifier: Apache-2.0
"""Temporal voting: of a stream's detections, those that enough of its last frames have. numpy only.

    kept:  so many of the last N frames, this one among them, have a detection at most R pixels away:  at least M

(Binary integration: M. Schwartz, "A coincidence procedure for signal detection", IRE Transactions on Information
Theory, 1956.) At a stream's begin, where fewer than N frames were seen, M stays what it is: the first M - 1 frames have
no detection that is kept.

A detection lies where the middle of its box does, counted in half pixels. These are whole numbers, and so are squares
of distances: runner/vote.c, which is the same, comes to the same at R exactly, too. Centroids are sums of floats.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .detections import Detection

Places = npt.NDArray[np.int64]
RADIUS = 5.0
"""Pixels: what moves by one from frame to frame stays within them for N = 5, what moves by two has three votes."""
MAX_FRAMES = 100
MAX_RADIUS = 65536.0
"""The longest side of an image."""


@dataclass(frozen=True)
class Vote:
    """The rule: `needed` of the last `frames` frames, `radius` pixels. Raises ValueError where it cannot be."""

    needed: int
    frames: int
    radius: float = RADIUS

    def __post_init__(self) -> None:
        if not 1 <= self.needed <= self.frames <= MAX_FRAMES:
            raise ValueError(f"vote {self}: give M of N frames as M/N, M from 1 to N, N up to {MAX_FRAMES}: 3/5")
        if not 0 <= self.radius <= MAX_RADIUS:
            raise ValueError(f"vote-radius {self.radius:g}: give pixels from 0 to {MAX_RADIUS:g}")

    def __str__(self) -> str:
        return f"{self.needed}/{self.frames}"

    @classmethod
    def parse(cls, text: str, radius: float = RADIUS) -> Vote:
        """'3/5'. Raises ValueError."""
        match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
        if not match:
            raise ValueError(f"vote {text}: give M of N frames as M/N, M from 1 to N, N up to {MAX_FRAMES}: 3/5")
        return cls(int(match[1]), int(match[2]), radius)


@dataclass
class Voter:
    """The votes of one stream, whose frames are given in their order."""

    vote: Vote
    _before: deque[Places] = field(init=False)

    def __post_init__(self) -> None:
        self._before = deque(maxlen=self.vote.frames - 1)

    def see(self, detections: Sequence[Detection]) -> list[bool]:
        """For each detection of the next frame whether it is kept."""
        here = places(detections)
        votes = np.ones(len(here), np.int64)
        for before in self._before:
            votes += is_near(here, before, self.vote.radius)
        self._before.append(here[np.argsort(here[:, 0], kind="stable")])
        return [bool(kept) for kept in votes >= self.vote.needed]


def places(detections: Sequence[Detection]) -> Places:
    """int64 [n, 2]: row and column of the middle of each box, in half pixels."""
    middles = [(2 * d.top + d.height - 1, 2 * d.left + d.width - 1) for d in detections]
    return np.array(middles, np.int64).reshape(-1, 2)


def is_near(here: Places, there: Places, radius: float) -> npt.NDArray[np.bool_]:
    """bool [n]: for each place of `here` [n, 2] whether one of `there` [m, 2], which are sorted by row, is at most
    `radius` pixels away."""
    reach = 2 * radius
    first = np.searchsorted(there[:, 0], here[:, 0] - reach, "left")
    last = np.searchsorted(there[:, 0], here[:, 0] + reach, "right")
    near = np.zeros(len(here), bool)
    for n, (place, low, high) in enumerate(zip(here, first, last, strict=True)):
        near[n] = bool((((there[low:high] - place) ** 2).sum(1) <= reach * reach).any())
    return near
