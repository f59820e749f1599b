# SPDX-License-Identifier: Apache-2.0
"""A report's roofline: stages below what the vector pipes and the memory can do, both axes logarithmic.

(S. Williams, A. Waterman, D. Patterson: Roofline, CACM 52(4), 2009.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LEAST_X, LEAST_Y = (-1.0, 3.0), (8.0, 11.0)
"""What the axes show at least: log10 of multiply-adds a byte, and of multiply-adds a second."""


@dataclass(frozen=True)
class Work:
    """A stage: multiply-adds a byte (intensity) and a second (speed)."""

    name: str
    intensity: float
    speed: float
    binary: bool


@dataclass(frozen=True)
class Point:
    """Work with its place in the picture, in percent from the left and from the top."""

    name: str
    intensity: float
    speed: float
    x: float
    y: float
    binary: bool


@dataclass(frozen=True)
class Roofline:
    """Points below the corners of two roofs, by the kind of number; `dram` in bytes a second; the axes' labels, and
    where they are, in percent."""

    points: list[Point]
    roofs: dict[str, list[tuple[float, float]]]
    dram: float
    across: list[tuple[float, str]]
    up: list[tuple[float, str]]


@dataclass(frozen=True)
class Axes:
    """Whole decades from (x0, y0) to (x1, y1), so that all that is drawn lies within."""

    x: tuple[int, int]
    y: tuple[int, int]

    @classmethod
    def around(cls, xs: Iterable[float], ys: Iterable[float]) -> Axes:
        """The axes around some intensities and speeds, with a margin."""
        return cls(decades(xs, LEAST_X), decades(ys, LEAST_Y))

    def place(self, intensity: float, speed: float) -> tuple[float, float]:
        """Percent from the left and from the top."""
        (x0, x1), (y0, y1) = self.x, self.y
        return 100 * (math.log10(intensity) - x0) / (x1 - x0), 100 * (y1 - math.log10(speed)) / (y1 - y0)

    def roof(self, speed: float, dram: float) -> list[tuple[float, float]]:
        """A roof of so many multiply-adds a second: from where the slope of `dram` bytes a second enters the picture,
        which may be its left side or its bottom, to the ridge, then flat."""
        enters = max(10.0 ** self.x[0], 10.0 ** self.y[0] / dram)
        corners = ((enters, enters * dram), (speed / dram, speed), (10.0 ** self.x[1], speed))
        return [self.place(*corner) for corner in corners]


def decades(values: Iterable[float], least: tuple[float, float]) -> tuple[int, int]:
    """Whole powers of ten around positive values, and around `least`."""
    logs = [math.log10(v) for v in values]
    return math.floor(min([*logs, least[0]])), math.ceil(max([*logs, least[1]]))


def draw(work: Sequence[Work], peaks: Mapping[str, float], dram: float) -> Roofline:
    """The picture of stages under the roofs of some peaks, in multiply-adds a second."""
    axes = Axes.around(
        [*(w.intensity for w in work), *(peak / dram for peak in peaks.values())],
        [*(w.speed for w in work), *peaks.values()],
    )
    points = [Point(w.name, w.intensity, w.speed, *axes.place(w.intensity, w.speed), w.binary) for w in work]
    across = [(axes.place(10.0**d, 1.0)[0], f"{si(10.0**d)}MAC/byte") for d in range(axes.x[0] + 1, axes.x[1])]
    up = [(axes.place(1.0, 10.0**d)[1], f"{si(10.0**d)}MAC/s") for d in range(axes.y[0] + 1, axes.y[1])]
    return Roofline(points, {name: axes.roof(peak, dram) for name, peak in peaks.items()}, dram, across, up)


def si(value: float) -> str:
    """A number with a decimal prefix."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.3g} "
