# SPDX-License-Identifier: Apache-2.0
"""The one rule of how samples become grey levels 0 to 255; runner/levels.c is the same, bit for bit. numpy only.

    grey = (sample - low) * 255 / (high - low), computed in float64, cut off at 0 and 255, rounded to float32

Without `Levels` low is 0, and high what the samples' format says is white: 255, 65535, a PGM's maximum. Floats have no
such scale: they are grey levels already, exactly, and must lie in 0 to 255. With `Levels` low and high are the user's,
in the sensor's own counts, whatever the format; or percentiles of each frame. Where white is zero, the result is
turned.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
WHITE = 255.0
"""The brightest grey level."""
FEW = 8.0
"""Grey levels: frames that all span less than that are said to."""
DEEP_SHARE = 1 / 4
"""Share of full scale: deep frames that all stay below are said to, for a sensor of 14 bits in files of 16 does."""
FORM = "give LOW:HIGH in the sensor's counts, for example 7000:9000, or percentiles, for example 1%:99%"
_BOUND = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class GreyLevelsWarning(UserWarning):
    """Samples that a model can be given, and that look as if they had another scale."""


@dataclass(frozen=True)
class Bound:
    """A count, or a percentile of the frame's samples."""

    value: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value:.9g}{'%' if self.percent else ''}"

    def of(self, counts: npt.NDArray[Any]) -> float:
        """The count; a percentile is that of the sample at rank floor(p/100 * (n - 1) + 1/2), counted from 0."""
        if not self.percent:
            return self.value
        rank = math.floor(self.value / 100 * (counts.size - 1) + 0.5)
        return float(np.partition(counts, rank, axis=None)[rank])


@dataclass(frozen=True)
class Levels:
    """Bounds of grey levels: what becomes black and what white."""

    low: Bound
    high: Bound

    def __str__(self) -> str:
        return f"{self.low}:{self.high}"

    @property
    def per_frame(self) -> bool:
        """Whether each frame is stretched by itself."""
        return self.low.percent or self.high.percent

    @classmethod
    def parse(cls, text: str) -> Levels:
        """'7000:9000' or '1%:99%'. Raises ValueError."""
        ends = text.split(":")
        if len(ends) != 2:
            raise ValueError(f"levels {text}: {FORM}")
        return cls.of(*(_parse_bound(end, text) for end in ends))

    @classmethod
    def of(cls, low: Bound, high: Bound) -> Levels:
        """Two bounds in their order. Raises ValueError."""
        levels = cls(low, high)
        for bound in (low, high):
            if not math.isfinite(bound.value) or (bound.percent and not 0 <= bound.value <= 100):
                raise ValueError(f"levels {levels}: {FORM}")
        if low.percent == high.percent and not low.value < high.value:
            raise ValueError(f"levels {levels}: LOW must be below HIGH; {FORM}")
        return levels


LevelsLike = Levels | str | tuple[float, float] | None
"""Levels as the API takes them: also 'LOW:HIGH' as on the command line, or a pair of counts."""


def as_levels(given: LevelsLike) -> Levels | None:
    """Levels from either form. Raises ValueError, TypeError."""
    if given is None or isinstance(given, Levels):
        return given
    if isinstance(given, str):
        return Levels.parse(given)
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError) as e:
        raise TypeError(f"levels {given!r}: give a pair (low, high), or a text such as '1%:99%'") from e
    return Levels.of(Bound(low), Bound(high))


def _parse_bound(text: str, whole: str) -> Bound:
    number, percent = text.removesuffix("%"), text.endswith("%")
    if not _BOUND.fullmatch(number):
        raise ValueError(f"levels {whole}: {FORM}")
    return Bound(float(number), percent)


@dataclass(frozen=True)
class Samples:
    """An image as its file or its sensor has it: any real dtype, [H, W]."""

    counts: npt.NDArray[Any]
    full: float | None  # the count that is white; None for floats, which are grey levels already
    white_is_zero: bool = False

    @classmethod
    def of_array(cls, image: npt.NDArray[Any]) -> Samples:
        """Samples of an array: the whole range of uint8 and uint16 is the scale; all others are taken as floats are."""
        kind = np.dtype(image.dtype)
        full = float(np.iinfo(kind).max) if kind.kind == "u" and kind.itemsize <= 2 else None
        return cls(image, full)


def grey_levels(samples: Samples, levels: Levels | None = None) -> F32:
    """Contiguous float32 [H, W] in 0 to 255.

    Raises ValueError, without a name in front, for samples that are not finite, floats outside of 0 to 255 without
    `levels`, and `levels` that no sample of the format can lie between.
    """
    counts, full = samples.counts, samples.full
    if counts.dtype.kind == "f" and not np.isfinite(counts).all():
        at = int(np.flatnonzero(~np.isfinite(counts))[0])
        raise ValueError(f"pixel {at} is not finite; give grey levels 0..255, or counts with levels LOW:HIGH")
    if levels is None:
        if full is None and (outside := _outside(counts)):
            raise ValueError(outside)
        low, high = 0.0, WHITE if full is None else full
    else:
        _check_reach(levels, full)
        low, high = levels.low.of(counts), levels.high.of(counts)
    exact = counts.astype(np.float64)
    # of a frame whose percentiles are one count, what is above is white
    grey = (exact - low) * WHITE / (high - low) if high > low else np.where(exact > high, WHITE, 0.0)
    grey = np.clip(grey, 0.0, WHITE)
    if samples.white_is_zero:
        grey = WHITE - grey
    return np.ascontiguousarray(grey, np.float32)


def _outside(counts: npt.NDArray[Any]) -> str | None:
    """Reason why samples are no grey levels; None where they are."""
    low, high = float(counts.min()), float(counts.max())
    if low >= 0 and high <= WHITE:
        return None
    return (
        f"has samples of no known scale, from {low:.6g} to {high:.6g}, and grey levels are 0 to 255; say what is black "
        f"and what is white with levels LOW:HIGH (--levels {low:.6g}:{high:.6g}, or --levels 1%:99%)"
    )


def _check_reach(levels: Levels, full: float | None) -> None:
    """Raise ValueError where every sample that there can be would become one level."""
    if full is None:
        return
    if (not levels.low.percent and levels.low.value >= full) or (not levels.high.percent and levels.high.value <= 0):
        raise ValueError(f"has samples from 0 to {full:.6g}, and levels {levels} leave none of them; {FORM}")


def whole_levels(grey: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Levels 0 to 255 as a model of bytes takes them: rounded to the nearest whole one, halves to the even one."""
    return np.rint(grey).astype(np.uint8)


def check_whole(counts: npt.NDArray[Any]) -> None:
    """Raise ValueError, without a name in front, where floats that are levels already are none that a model of bytes
    can be given exactly."""
    if (between := np.flatnonzero(counts != np.rint(counts))).size:
        at = int(between[0])
        raise ValueError(
            f"has levels between whole ones (pixel {at} is {counts.flat[at]:.6g}), and the model takes bytes; round "
            "them, or have them rounded with levels LOW:HIGH (--levels 0:255)"
        )


class Watch:
    """Watch over the levels that frames had, one after the other, so that a wrong scale is said once and not silent."""

    def __init__(self, levels: Levels | None = None) -> None:
        self.levels = levels
        self.frames = 0
        self.span = 0.0  # grey levels, of the frame that has most
        self.low, self.high = math.inf, -math.inf  # counts
        self.share = 0.0  # of full scale, the highest count
        self.deep = self.floats = True  # whether all frames have more than 8 bits; are floats

    def see(self, samples: Samples, grey: npt.NDArray[Any]) -> None:
        """Remember a frame, and the levels that were made of it."""
        low, high = float(samples.counts.min()), float(samples.counts.max())
        self.frames += 1
        self.span = max(self.span, float(grey.max()) - float(grey.min()))
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.floats &= samples.full is None
        self.deep &= samples.full is not None and samples.full > WHITE
        self.share = max(self.share, high / samples.full if samples.full else 1.0)

    def note(self) -> str | None:
        """One line, where all frames together look as if they had another scale."""
        if not self.frames or (self.levels is None and self.low == self.high):  # blank frames have no scale
            return None
        who = "the frame has" if self.frames == 1 else f"all {self.frames} frames have"
        have = f"{who} samples from {self.low:.6g} to {self.high:.6g}"
        if self.levels is not None:
            if self.span >= FEW:
                return None
            return f"{have}, of which --levels {self.levels} make {self.span:.3g} of 255 grey levels; give others"
        own = f"--levels {self.low:.6g}:{self.high:.6g}, or --levels 1%:99% for each frame's own"
        if self.floats and self.low >= 0 and self.high <= 1:
            return f"{have}, and grey levels are 0 to 255; if 1 is white, say --levels 0:1"
        if self.span < FEW or (self.deep and self.share <= DEEP_SHARE):
            return f"{have}; if that is the sensor's range, say {own}"
        return None
