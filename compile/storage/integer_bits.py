# SPDX-License-Identifier: Apache-2.0
"""IntegerBits: the signs of an int8 map. As Bits, but that a bit of memory is set where x is *below* its threshold.

Below zero is what the top bit of an int8 says, so a channel's signs cost one instruction (sri) where nothing is
compared. XOR with weights that are stored inverted too counts the same; outside of the map, where bits are clear, it
reads +1.

Where bits are counted by tables (kernels/table_count.py), a byte is stored as two, each below 16, as the place in a
table is: its lower half, and in the next plane its upper one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from .bits import Bits
from .encoding import Array, Comparison

if TYPE_CHECKING:
    from ...targets.cores import Core, Issue
    from ..ir.buffers import Buffer
    from ..ir.expressions import Expr

TOP = 128
HALF, LOWER = 4, 15
"""Bits of half a byte, and those of the lower half."""
NEVER = 128
"""The threshold that no int8 reaches."""


@dataclass(frozen=True, eq=False)
class IntegerBits(Bits):
    """Signs of int8 maps; `threshold` int16 [C], each -128 .. 128."""

    threshold: npt.NDArray[np.int16] = field(  # type: ignore[assignment]  # the integers among float's thresholds
        default_factory=lambda: np.zeros(1, np.int16)
    )

    halves: bool = False
    """Whether each byte lies as two halves."""

    name: ClassVar[str] = "integer bits"
    word: ClassVar[str] = "uint8"
    is_whole: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = False

    @property
    def value_type(self) -> str:
        return "int8"

    def of_core(self, core: Core) -> IntegerBits:
        return replace(self, halves=core.look_up is not None)

    def planes(self, channels: int) -> int:
        return super().planes(channels) * (2 if self.halves else 1)

    def pack(self, stored: Array) -> Array:
        planes = super().pack(~stored)
        if not self.halves:
            return planes
        return np.stack([planes & LOWER, planes >> HALF], 1).reshape(-1, *planes.shape[1:])

    def unpack(self, planes: Array, channels: int) -> Array:
        return ~super().unpack(planes[::2] | planes[1::2] << HALF if self.halves else planes, channels)

    def store_byte(self, ctx: Any, buffer: Buffer, row: Any, plane: Any, byte: Any) -> None:
        if not self.halves:
            return super().store_byte(ctx, buffer, row, plane, byte)
        s, byte = ctx.simd, ctx.bind(byte)
        for n, half in enumerate((byte & s.const(LOWER, "uint8"), s.shift_right(byte, HALF, "uint8"))):
            ctx.store_columns(row, buffer, 2 * plane + n, half)

    def compare(self, stored: Array, reference: Array, bound: Array, own: Array | None) -> Comparison:
        return Comparison(wrong=int((stored != self.encode(reference)).sum()))

    def slots(self, result: Expr, issue: Issue) -> int:
        """A shift that takes in the top bit, of what is compared where there is a threshold."""
        return issue.integer * (2 if self.threshold.any() else 1)

    def gather(self, ctx: Any, buffer: Buffer, result: Expr, channel: Any, value: Any, begun: Any) -> Any:
        return ctx.shift_right_insert(self.below(ctx, buffer, channel, value), begun)

    def below(self, ctx: Any, buffer: Buffer, channel: Any, value: Any) -> Any:
        """Bytes whose top bit is set where an int8 is below its channel's threshold."""
        s = ctx.simd
        if not self.threshold.any():
            return s.reinterpret(value, "uint8")
        threshold = np.broadcast_to(self.threshold, (buffer.channels,))
        reachable = np.minimum(threshold, NEVER - 1).astype(np.int8).view(np.uint8)
        limit = s.reinterpret(ctx.per_channel(buffer, "threshold", reachable, channel), "int8")
        found = s.select(value < limit, s.const(TOP, "uint8"), s.const(0, "uint8"))
        if (threshold < NEVER).all():
            return found
        always = np.where(threshold < NEVER, 0, TOP).astype(np.uint8)
        return found | ctx.per_channel(buffer, "never", always, channel)
