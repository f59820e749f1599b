# SPDX-License-Identifier: Apache-2.0
"""Float32: a plane a channel, as IEEE 754 binary32; scaled and shifted where its only reader wants it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .channel_planes import ChannelPlanes
from .encoding import Array, Comparison

F32 = npt.NDArray[np.float32]
TOLERANCE = 1e-5
"""A share of the largest number that was summed for a channel."""
SMALLEST = 1e-30


@dataclass(frozen=True, eq=False)
class Float32(ChannelPlanes):
    """Values x as they are, or scale*x + shift [C] where both are given."""

    scale: F32 | None = None
    shift: F32 | None = None

    name: ClassVar[str] = "float32"
    element: ClassVar[str] = "float32"
    suffix: ClassVar[str] = "map"
    is_exact: ClassVar[bool] = False
    takes_channels: ClassVar[bool] = True

    @property
    def is_plain(self) -> bool:
        """Whether the values are stored unchanged."""
        return self.scale is None or self.shift is None

    def encode(self, value: Array) -> Array:
        if self.scale is None or self.shift is None:
            return value
        return self.scale[:, None, None] * value + self.shift[:, None, None]

    def decode(self, stored: Array) -> Array | None:
        return stored if self.is_plain else None

    def pack(self, stored: Array) -> Array:
        return np.asarray(stored, np.float32)

    def draw(self, shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
        return rng.standard_normal(shape).astype(np.float32)

    def compare(self, stored: Array, reference: Array, bound: Array, own: Array | None) -> Comparison:
        return Comparison(relative_error(stored, self.encode(reference), bound))


def relative_error(value: Array, expected: Array, bound: Array) -> float:
    """The largest difference, relative to the largest `bound` (all [C, H, W]) of its channel; infinite where one alone
    is NaN."""
    difference = np.abs(value.astype(np.float64) - expected)
    if (np.isnan(value) != np.isnan(expected)).any():
        return float("inf")
    magnitude = np.nanmax(bound, axis=(1, 2), keepdims=True, initial=SMALLEST)
    return float(np.nanmax(difference / magnitude, initial=0.0))
