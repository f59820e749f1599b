# SPDX-License-Identifier: Apache-2.0
"""ChannelDot: the accumulator of a binary convolution of many channels, by vectors of channels.

Of a window's row, the bits of all pixels and channels lie side by side (Interleaved), and are read as *pieces* of 16
bytes, and one each of 8, 4 and 2. A piece of 16 bytes is compared with 8 outputs' weights: 8 eor, 8 cnt, 7 pairwise
additions and one that widens are 1024 one-bit multiply-adds, without a sum across lanes at the end. Of a piece of 8
bytes a vector holds two outputs' weights, so that it costs half; and so on. Weights lie once, in the order in which
they are read.

They are inverted, so that what is counted are bits that agree: dot = 2*agreeing - K. A padded tap reads bit 0; what
that is wrong by depends on where the pixel lies, and is in the table [row class, column class, channel] that the count
starts from, with -K and the centre.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, each, kind
from ..storage.encoding import BLOCK
from .binary_dot import BinaryDot, in_binade
from .border_table import PlaceTable, place_table
from .channel_bands import suitable_band
from .channel_context import ChannelContext, as_words
from .context import Context, place_class
from .simd import Simd

VECTOR = 16
"""Bytes."""
SIZES = (16, 8, 4, 2)


@dataclass(frozen=True)
class Piece:
    """Bytes of a window's row that are compared at once: `count` times `size`, from `offset` after the window's first
    column's first byte on; `taken` bytes of the row's runs come before them."""

    offset: int
    taken: int
    size: int
    count: int

    @property
    def vectors(self) -> int:
        """Vectors of weights for 8 outputs, of one time."""
        return BLOCK * self.size // VECTOR


@kind
@dataclass(frozen=True, eq=False)
class ChannelDot(BinaryDot):
    """BinaryDot over an interleaved map of an even number of bytes a pixel and group; `unit` is 2. With `least`
    [channels], int16, the larger of that and the accumulator, whose `centre` is 0."""

    least: npt.NDArray[np.int16] | None = None

    leads: ClassVar[int | None] = 1
    has_channel_lanes: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True

    def slice(self, start: int, stop: int) -> BinaryDot:
        cut = super().slice(start, stop)
        return cut if self.least is None else replace(cut, least=self.least[start:stop])  # type: ignore[call-arg]

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """As BinaryDot, and at least that."""
        dot = super().reference(inputs)
        return dot if self.least is None else np.maximum(dot, each(self.least).astype(np.float32))

    def identity(self) -> Expr | None:
        """The least that there is."""
        if self.least is None:
            return self
        return replace(self, least=np.full_like(self.least, np.iinfo(np.int16).min))

    def suits_band(self, height: int) -> int:
        """The fewest rows with which weights are not fetched again and again: longer bands make longer
        rings."""
        return suitable_band(self.operands()[0], len(self.signs), self.signs[0].size // 8, height)

    def slots(self, issue: Issue) -> int:
        """As many for a byte of taps as with lanes of pixels, but that nothing is widened at the end; made float."""
        taps = self.planes * self.window.kernel[0] * self.window.kernel[1]
        return issue.integer * (3 * taps + 2 * issue.words)

    def pieces(self) -> Iterator[Piece]:
        """A row of the window in the order in which it is read."""
        pixel, kw, dilation = self.buffer.planes, self.window.kernel[1], self.window.dilations[1]
        joined = self.planes == pixel and dilation == 1
        runs = [(0, kw * pixel)] if joined else [(kx * dilation * pixel, self.planes) for kx in range(kw)]
        taken = 0
        for start, length in runs:
            at = 0
            for size in SIZES:
                if count := (length - at) // size:
                    yield Piece(start + at, taken + at, size, count)
                at += count * size
            taken += length

    def interleaved_weights(self) -> npt.NDArray[np.int16]:
        """Bytes of [blocks of 8 outputs][rows][pieces, each as often as it counts][vectors][16]."""
        taps = ~self.packed_weights().transpose(0, 2, 3, 1)  # [channels, kh, kw, planes]
        rows = taps.reshape(-1, BLOCK, len(taps[0]), taps[0, 0].size).swapaxes(1, 2)  # [blocks, kh, 8, bytes]
        parts = []
        for p in self.pieces():
            part = rows[..., p.taken : p.taken + p.size * p.count].reshape(*rows.shape[:3], p.count, p.size)
            parts.append(part.swapaxes(2, 3).reshape(*rows.shape[:2], -1))
        return as_words(np.concatenate(parts, axis=2))

    def prepare(self, ctx: Context) -> tuple[PlaceTable, TirExpr]:  # type: ignore[override]
        """The table, and which of its row classes this row is of."""
        sums = np.where(self.signs, 1, -1).sum(axis=1)
        padded = place_table(sums, self.window, self.buffer, (ctx.height, ctx.width))
        start = (self.pad_shift * padded.values - self.signs[0].size) // self.unit + self.centre // 3
        table = replace(padded, values=start)
        return table, ctx.bind(place_class(ctx.y, *table.row_ends, ctx.height))

    def begin_block(self, ctx: Context, channels: list[TirExpr | int]) -> list[TirExpr]:
        """Counts of 8 channels, for each pixel of the tile a local int16 buffer."""
        assert isinstance(ctx, ChannelContext)
        s, o = Simd(BLOCK), channels[0]
        table, row_class = ctx.prepared(self)
        words, base = ctx.parameter(self, "border", lambda: table.values.astype(np.int16))
        (first, last), totals = table.column_ends, []
        for i in range(ctx.tile):
            column_class = place_class(ctx.place + i, first, last, ctx.width)
            place = base + (row_class * table.columns + column_class) * len(self.signs) + o
            totals.append(T.alloc_buffer((BLOCK,), "uint16", scope="local"))
            s.store(totals[-1], s.reinterpret(s.load(words, place), "uint16"), 0)
        weights, base = ctx.parameter(self, "signs", self.interleaved_weights)
        row_words = self.signs[0].size // self.window.kernel[0] * BLOCK // 16
        with ctx.each_row(self.operands()[0]) as rows:
            for ky, row in rows:
                at = base + (tirx.floordiv(o, BLOCK) * self.window.kernel[0] + ky) * row_words
                for p in self.pieces():
                    with ctx.loop(p.count) if p.count > 1 else nullcontext(0) as turn:
                        bits = self.first_bits(ctx, o, p, turn)
                        self.count(ctx, p, totals, weights, at + turn * (p.vectors * BLOCK), row, bits)
                    at += p.count * p.vectors * BLOCK
        return totals

    def first_bits(self, ctx: Context, o: TirExpr | int, p: Piece, turn: TirExpr | int) -> TirExpr:
        """The place in a row of a piece's first byte for the tile's first pixel, of the group that output `o` is of."""
        stride, pad = self.window.strides[1], self.window.pads[1]
        first = self.buffer.layout.at(self.buffer, 0, ctx.column * stride, -pad) + turn * p.size + p.offset
        if self.bits.groups == 1:
            return first
        return first + tirx.floordiv(o, len(self.signs) // self.bits.groups) * self.planes

    def count(
        self,
        ctx: ChannelContext,
        p: Piece,
        totals: list[TirExpr],
        weights: TirExpr,
        at: TirExpr,
        row: TirExpr,
        bits: TirExpr,
    ) -> None:
        """One time of a piece, for all pixels of the tile."""
        s, step = Simd(BLOCK), self.window.strides[1] * self.buffer.layout.strides(self.buffer)[0]
        taps = [ctx.bind(ctx.vector_at(weights, at + v * BLOCK, "uint8", VECTOR)) for v in range(p.vectors)]
        for i, total in enumerate(totals):
            read = self.repeated(ctx, row, bits + i * step, p)
            agree = ctx.fold([ctx.bind(tirx.popcount(read ^ tap)) for tap in taps], "uint8")
            s.store(total, ctx.add_pairs_wide(s.load(total, 0), agree), 0)

    @staticmethod
    def repeated(ctx: ChannelContext, row: TirExpr, at: TirExpr, p: Piece) -> TirExpr:
        """A piece's bytes, repeated to fill a vector."""
        loaded = ctx.bind(Simd(p.size).load(row, at))
        if p.size == VECTOR:
            return loaded
        word = tirx.reinterpret(f"uint{p.size * 8}", loaded)
        return ctx.bind(Simd(VECTOR).reinterpret(tirx.Broadcast(word, VECTOR // p.size), "uint8"))

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The accumulators of the pixel at hand as float32 lanes."""
        assert isinstance(ctx, ChannelContext)
        s, lowest = ctx.simd, self.centre // 3
        total = ctx.bind(s.reinterpret(s.load(ctx.block(self)[ctx.pixel], 0), "int16"))
        if self.least is not None:
            total = ctx.bind(tirx.max(total, ctx.per_channel(self, "least", self.least, channels[0])))
        return [in_binade(s, total, 2 * lowest) if self.centre else s.cast(total, "float32")]
