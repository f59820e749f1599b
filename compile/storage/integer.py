# SPDX-License-Identifier: Apache-2.0
"""Integer: a plane a channel, as whole numbers of 8 or 16 bits. Nothing is rounded, so every element must be equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .encoding import Array, Comparison, Encoding

if TYPE_CHECKING:
    from ...targets.cores import Issue
    from ..ir.buffers import Buffer
    from ..ir.expressions import Expr


CENTRE = 128
"""The middle of uint8."""


@dataclass(frozen=True, eq=False)
class Integer(Encoding):
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

    def planes(self, channels: int) -> int:
        return channels

    def plane(self, channels: int, channel: Any) -> Any:
        return channel

    def cuts(self, channels: int) -> set[int]:
        return set()

    def joins(self, channels: int, channel: int) -> bool:
        return True

    def encode(self, value: Array) -> Array:
        return (np.asarray(value).astype(np.int32) - self.offset).astype(self.element)

    def decode(self, stored: Array) -> Array | None:
        return None if self.offset else stored

    def pack(self, stored: Array) -> Array:
        return np.asarray(stored, self.element)

    def unpack(self, planes: Array, channels: int) -> Array:
        return np.array(planes)

    def draw(self, shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
        low, high = self.extent
        return rng.integers(low, high, shape, endpoint=True).astype(self.element)

    def silence(self, stored: Array) -> Array:
        return np.zeros_like(stored)

    def compare(self, stored: Array, reference: Array, bound: Array, own: Array | None) -> Comparison:
        return Comparison(wrong=int((stored != self.encode(reference)).sum()))

    def slots(self, result: Expr, issue: Issue) -> int:
        return 0

    def begin(self, ctx: Any) -> Any:
        return None

    def store(
        self,
        ctx: Any,
        buffer: Buffer,
        row: Any,
        result: Expr,
        channels: Sequence[Any],
        values: Sequence[Any],
        begun: Any,
    ) -> None:
        s = ctx.simd
        for channel, value in zip(channels, values, strict=True):
            # what is 128 less has another top bit
            stored = s.reinterpret(value ^ s.const(CENTRE, "uint8"), "int8") if self.offset else value
            ctx.store_columns(row, buffer, channel, stored)

    def finish(self, ctx: Any, buffer: Buffer, row: Any, first: int, length: int, ahead: Any, begun: Any) -> None:
        """All is stored."""
