# SPDX-License-Identifier: Apache-2.0
"""Integer: a plane a channel, as whole numbers of 8 or 16 bits. Nothing is rounded, so every element must be equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .channel_planes import ChannelPlanes
from .encoding import Array, Comparison

CENTRE = 128
"""The middle of uint8."""


def is_integer(dtype: str) -> bool:
    """Whether values of a type are whole numbers, so that a map of them is of an integer network."""
    return np.issubdtype(np.dtype(dtype), np.integer)


@dataclass(frozen=True, eq=False)
class Integer(ChannelPlanes):
    """Values x of `element` (int8, uint8, int16), stored as x - `offset`, which is 0, or CENTRE for uint8 values that
    are stored as int8."""

    element: str = "int8"  # type: ignore[misc]  # of the instance, where other encodings have one of the class
    offset: int = 0

    suffix = "map"
    is_exact = True
    is_whole = True

    @property
    def name(self) -> str:  # type: ignore[override]
        """The element's type."""
        return self.element

    @property
    def value_type(self) -> str:
        return "uint8" if self.offset else self.element

    @property
    def extent(self) -> tuple[int, int]:
        """The least and the largest number that it stores."""
        info = np.iinfo(self.element)
        return int(info.min), int(info.max)

    def encode(self, value: Array) -> Array:
        return (np.asarray(value).astype(np.int32) - self.offset).astype(self.element)

    def decode(self, stored: Array) -> Array | None:
        return None if self.offset else stored

    def pack(self, stored: Array) -> Array:
        return np.asarray(stored, self.element)

    def draw(self, shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
        low, high = self.extent
        return rng.integers(low, high, shape, endpoint=True).astype(self.element)

    def compare(self, stored: Array, reference: Array, bound: Array, own: Array | None) -> Comparison:
        return Comparison(wrong=int((stored != self.encode(reference)).sum()))

    def stored(self, ctx: Any, value: Any) -> Any:
        """What is 128 less has another top bit."""
        s = ctx.simd
        return s.reinterpret(value ^ s.const(CENTRE, "uint8"), "int8") if self.offset else value
