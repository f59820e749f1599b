# SPDX-License-Identifier: Apache-2.0
"""Bits: the signs of 8 channels of one group, packed into a byte a pixel.

Bit i of plane j of a group is channel 8j+i of the group, set where x >= threshold: Sign (2). -0.0 counts as 0, NaN is
below everything. Where a map is `copies` times the same signs, one after the other, they are stored once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from .encoding import BLOCK, Array, Comparison, Encoding
from .float32 import F32, TOLERANCE

if TYPE_CHECKING:
    from ...targets.cores import Issue
    from ..ir.buffers import Buffer
    from ..ir.expressions import Expr

PACK = "uint32"
"""Signs are gathered in words, as wide as the comparisons that give them: narrowing them to a byte costs as much as
gathering, and so is done once for 8 channels."""
INFINITY_BITS = 0x7F800000


@dataclass(frozen=True, eq=False)
class Bits(Encoding):
    """Signs of `groups` groups of channels; `threshold` is [C] or [1]. Of several `copies`, of one group then, each is
    whole planes, with the same thresholds."""

    groups: int = 1
    threshold: F32 = field(default_factory=lambda: np.zeros(1, np.float32))
    copies: int = 1

    name: ClassVar[str] = "bits"
    element: ClassVar[str] = "uint8"
    suffix: ClassVar[str] = "bits"
    word: ClassVar[str] = PACK
    """The type that signs are gathered in."""
    is_exact: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True

    def per_group(self, channels: int) -> int:
        """Channels of one group, of a map of `channels` channels, that are stored."""
        return channels // self.copies // self.groups

    def planes_per_group(self, channels: int) -> int:
        """Planes of one group of a map of `channels` channels."""
        return -(-self.per_group(channels) // BLOCK)

    def planes(self, channels: int) -> int:
        return self.planes_per_group(channels) * self.groups

    def plane(self, channels: int, channel: Any) -> Any:
        if self.groups == 1:
            return channel // BLOCK
        per_group = self.per_group(channels)
        return channel // per_group * self.planes_per_group(channels) + channel % per_group // BLOCK

    def cuts(self, channels: int) -> set[int]:
        per_group = self.per_group(channels)
        return {g * per_group + i for g in range(self.groups) for i in range(0, per_group, BLOCK)}

    def joins(self, channels: int, channel: int) -> bool:
        per_group = self.per_group(channels)
        return (channel - BLOCK) % per_group % BLOCK == 0 and channel % per_group % BLOCK == 0

    def encode(self, value: Array) -> npt.NDArray[np.bool_]:
        return value >= self.threshold[:, None, None]

    def decode(self, stored: Array) -> Array | None:
        return None

    def pack(self, stored: Array) -> Array:
        (c, h, w), per_group = stored.shape, self.per_group(len(stored))
        padded = np.zeros((self.groups, -(-per_group // BLOCK) * BLOCK, h, w), bool)
        padded[:, :per_group] = stored[: c // self.copies].reshape(self.groups, per_group, h, w)
        return np.packbits(padded.reshape(-1, BLOCK, h, w), axis=1, bitorder="little")[:, 0]

    def unpack(self, planes: Array, channels: int) -> Array:
        _, h, w = planes.shape
        bits = np.unpackbits(planes[:, None], axis=1, bitorder="little").astype(bool)
        per_group = self.per_group(channels)
        return np.concatenate([bits.reshape(self.groups, -1, h, w)[:, :per_group].reshape(-1, h, w)] * self.copies)

    def draw(self, shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
        c, *size = shape
        return np.concatenate([rng.integers(0, 2, (c // self.copies, *size)).astype(bool)] * self.copies)

    def silence(self, stored: Array) -> Array:
        return stored

    def compare(self, stored: Array, reference: Array, bound: Array, own: Array | None) -> Comparison:
        """Signs must be those of the device's own map, or, where it stores none, of the reference wherever that is not
        within rounding error of the threshold."""
        expected = reference if own is None else own
        wrong = stored != self.encode(expected)
        if own is None:
            sizes = np.abs(np.where(np.isfinite(expected), expected, 0))
            near = TOLERANCE * np.maximum(sizes, bound).max(axis=(1, 2), keepdims=True)
            wrong &= np.abs(expected - self.threshold[:, None, None]) > near
        return Comparison(wrong=int(wrong.sum()))

    def slots(self, result: Expr, issue: Issue) -> int:
        """A comparison, and a shift that takes in its result."""
        compare = issue.integer if self.compares_integers(result) else issue.float
        return issue.words * (compare + issue.integer)

    def compares_integers(self, result: Expr) -> bool:
        """Whether signs are taken by comparing values as integers, which costs half: of what is never -0.0, what is not
        negative is what has the bits of 0 to infinity."""
        return not self.threshold.any() and result.is_never_negative_zero

    def begin(self, ctx: Any) -> Any:
        pack = ctx.allocate(self.word)
        ctx.simd.store(pack, ctx.simd.const(0, self.word), 0)
        return pack

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
            s.store(begun, self.gather(ctx, buffer, result, channel, value, s.load(begun, 0)), 0)

    def gather(self, ctx: Any, buffer: Buffer, result: Expr, channel: Any, value: Any, begun: Any) -> Any:
        """Words of a channel's signs in their top bits, and below them those of the channels before."""
        s = ctx.simd
        above = self.is_above(ctx, buffer, result, channel, value)
        top = s.select(above, s.const(1 << 31, PACK), s.const(0, PACK))
        return top | s.shift_right(begun, 1, PACK)  # one instruction (sri)

    def is_above(self, ctx: Any, buffer: Buffer, result: Expr, channel: Any, value: Any) -> Any:
        """Whether the values of `result` are at least the channel's threshold; NaN is not."""
        s = ctx.simd
        if self.compares_integers(result):
            return s.reinterpret(value, "uint32") <= s.const(INFINITY_BITS, "uint32")
        if self.threshold.any():
            of = channel if len(self.threshold) > 1 else 0
            return value >= ctx.per_channel(buffer, "threshold", self.threshold, of)
        return value >= s.const(0.0, "float32")

    def finish(self, ctx: Any, buffer: Buffer, row: Any, first: int, length: int, ahead: Any, begun: Any) -> None:
        """A byte where the block completes it; one of fewer channels is shifted down."""
        per_group = self.per_group(buffer.channels)
        filled = (first + length) % per_group
        if filled % BLOCK and filled:
            return
        unused = -per_group % BLOCK if not filled else 0
        plane = self.plane(buffer.channels, first) + ahead // BLOCK
        s = ctx.simd
        above_byte = np.iinfo(self.word).bits - BLOCK
        word = s.shift_right(s.load(begun, 0), above_byte + unused, self.word)
        self.store_byte(ctx, buffer, row, plane, s.cast(word, "uint8") if above_byte else word)

    def store_byte(self, ctx: Any, buffer: Buffer, row: Any, plane: Any, byte: Any) -> None:
        """TIR that stores the signs of 8 channels."""
        ctx.store_columns(row, buffer, plane, byte)

    def store_pixel(self, ctx: Any, buffer: Buffer, row: Any, result: Expr, first: Any, value: Any) -> Any:
        """The channels' bits, as the core gathers them."""
        integers = self.compares_integers(result)
        above = ctx.is_positive(value) if integers else self.is_above(ctx, buffer, result, first, value)
        return ctx.bind(ctx.bits_where(above))

    def finish_pixels(self, ctx: Any, buffer: Buffer, row: Any, first: Any, kept: Sequence[Any]) -> None:
        """A byte of each pixel."""
        plane = self.plane(buffer.channels, first)
        for i, byte in enumerate(ctx.bytes_of(kept)):
            ctx.store_at(row, byte, buffer.layout.at(buffer, plane, ctx.column, i))
