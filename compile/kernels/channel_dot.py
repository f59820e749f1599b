# SPDX-License-Identifier: Apache-2.0
"""ChannelDot: the accumulator of a binary convolution of many channels, by vectors of channels.

Of a window's row, the bits of all pixels and channels lie side by side (Interleaved), and are read as *pieces*. Of A64
they are 16 bytes, and one each of 8, 4 and 2. A piece of 16 bytes is compared with 8 outputs' weights: 8 eor, 8 cnt, 7
pairwise additions and one that widens are 1024 one-bit multiply-adds, without a sum across lanes at the end. Of a piece
of 8 bytes a vector holds two outputs' weights, so that it costs half; and so on. Other cores count otherwise
(channel_counts.py, channel_tables.py). Weights lie once, in the order in which they are read.

They are inverted, so that what is counted are bits that agree: dot = 2*agreeing - K. A padded tap reads bit 0; what
that is wrong by depends on where the pixel lies, and is in the table [row class, column class, channel] that the count
starts from, with -K and the centre.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Core, Issue
from ..ir.expressions import Expr, Inputs, each, kind
from ..ir.stages import Stage
from ..storage.encoding import BLOCK
from .binary_dot import BinaryDot, in_binade
from .border_table import PlaceTable, place_table
from .channel_bands import suitable_band
from .channel_context import ChannelContext, as_words
from .channel_counts import Counts, counts_of
from .channel_tables import SPAN, count_by_tables
from .channel_turns import chunks, repeated
from .context import Context, place_class
from .simd import Simd


@dataclass(frozen=True)
class Piece:
    """Bytes of a window's row that are compared at once: `count` times `size`, from `offset` after the window's first
    column's first byte on; `taken` bytes of the row's runs come before them."""

    offset: int
    taken: int
    size: int
    count: int


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

    def suits_band(self, stage: Stage) -> int:
        """The fewest rows with which weights are not fetched again and again: longer bands make longer
        rings."""
        return suitable_band(self.operands()[0], len(self.signs), self.signs[0].size // 8, stage.height)

    def slots(self, issue: Issue) -> int:
        """As many for a byte of taps as with lanes of pixels, but that nothing is widened at the end; made float."""
        taps = self.planes * self.window.kernel[0] * self.window.kernel[1]
        return issue.integer * (3 * taps + 2 * issue.words)

    def pieces(self, sizes: tuple[int, ...]) -> Iterator[Piece]:
        """A row of the window in the order in which it is read, in pieces of these sizes."""
        pixel, kw, dilation = self.buffer.planes, self.window.kernel[1], self.window.dilations[1]
        joined = self.planes == pixel and dilation == 1
        runs = [(0, kw * pixel)] if joined else [(kx * dilation * pixel, self.planes) for kx in range(kw)]
        taken = 0
        for start, length in runs:
            at = 0
            for size in sizes:
                if count := (length - at) // size:
                    yield Piece(start + at, taken + at, size, count)
                at += count * size
            taken += length

    def inverted_rows(self) -> npt.NDArray[np.uint8]:
        """The inverted weights [channels, bytes], of rows of the window, within of its columns, within of planes."""
        return ~self.packed_weights().transpose(0, 2, 3, 1).reshape(self.channels, -1)

    def interleaved_weights(self, form: type[Counts]) -> npt.NDArray[np.int16]:
        """Bytes of [blocks of 8 outputs][rows][pieces, each as often as it counts][8 outputs][bytes]."""
        inverted = self.inverted_rows()
        rows = inverted.reshape(-1, BLOCK, self.window.kernel[0], inverted.shape[1] // self.window.kernel[0])
        rows = rows.swapaxes(1, 2)  # [blocks, kh, 8, bytes]
        parts = []
        for p in self.pieces(form.sizes):
            part = rows[..., p.taken : p.taken + p.size * p.count].reshape(*rows.shape[:3], p.count, p.size)
            part = np.pad(part.swapaxes(2, 3), [(0, 0)] * 4 + [(0, max(form.least - p.size, 0))])
            parts.append(part.reshape(*rows.shape[:2], -1))
        return as_words(np.concatenate(parts, axis=2))

    def prepare(self, ctx: Context) -> tuple[PlaceTable, TirExpr]:  # type: ignore[override]
        """The table, and which of its row classes this row is of."""
        sums = np.where(self.signs, 1, -1).sum(axis=1)
        padded = place_table(sums, self.window, self.buffer, (ctx.height, ctx.width))
        start = (self.pad_shift * padded.values - self.signs[0].size) // self.unit + self.centre // 3
        table = replace(padded, values=start)
        return table, ctx.bind(place_class(ctx.y, *table.row_ends, ctx.height))

    def span(self, core: Core) -> int:
        """Where counts are looked up, blocks of 64 outputs of a group."""
        looked_up = core.look_up is not None and self.channels // self.bits.groups % (SPAN * BLOCK) == 0
        return SPAN if looked_up else 1

    def begin_span(self, ctx: Context, channels: list[TirExpr | int]) -> TirExpr:
        """Counts of 64 channels, a local buffer."""
        assert isinstance(ctx, ChannelContext)
        return count_by_tables(self, ctx, channels[0])

    def starts(self, ctx: ChannelContext, o: TirExpr | int) -> tuple[TirExpr, list[TirExpr]]:
        """The section with the border table, and where in it the counts of outputs from `o` on start, of each pixel."""
        table, row_class = ctx.prepared(self)
        words, base = ctx.parameter(self, "border", lambda: table.values.astype(np.int16))
        (first, last), places = table.column_ends, []
        for i in range(ctx.tile):
            column_class = place_class(ctx.place + i, first, last, ctx.width)
            places.append(base + (row_class * table.columns + column_class) * len(self.signs) + o)
        return words, places

    def begin_block(  # type: ignore[override]
        self, ctx: Context, channels: list[TirExpr | int]
    ) -> list[tuple[TirExpr, TirExpr | int]]:
        """Counts of 8 channels, for each pixel of the tile a local uint16 buffer and where in it they are."""
        assert isinstance(ctx, ChannelContext)
        if ctx.span > 1:
            return [(ctx.spanned(self), i * ctx.span * BLOCK + ctx.within) for i in range(ctx.tile)]
        return [(total, 0) for total in self.count_block(ctx, channels[0])]

    def count_block(self, ctx: ChannelContext, o: TirExpr | int) -> list[TirExpr]:
        """Counts of 8 channels by themselves, for each pixel of the tile a local buffer."""
        form, (words, places) = counts_of(ctx.core), self.starts(ctx, o)
        counts = [form(ctx, Simd(BLOCK).load(words, place)) for place in places]
        weights, base = ctx.parameter(self, "signs", lambda: self.interleaved_weights(form))
        pieces, kh = list(self.pieces(form.sizes)), self.window.kernel[0]
        row_words = sum(p.count * form.weight_words(p.size) for p in pieces)
        fits = form.together is None or kh * sum(p.count for p in pieces) <= form.together
        with ctx.each_row(self.operands()[0]) as rows:
            for ky, row in rows:
                at = base + (tirx.floordiv(o, BLOCK) * kh + ky) * row_words
                for p in pieces:
                    for first_turn, turns, length in chunks(p.count, None if fits else form.together):
                        with repeated(ctx, turns) as part:
                            with repeated(ctx, length) as inner:
                                turn = first_turn + part * length + inner
                                bits = self.first_bits(ctx, o, p, turn)
                                self.count(ctx, p, counts, weights, at + turn * form.weight_words(p.size), row, bits)
                            if not fits:
                                carry(counts)
                    at += p.count * form.weight_words(p.size)
        if fits:
            carry(counts)
        return [count.total() for count in counts]

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
        counts: list[Counts],
        weights: TirExpr,
        at: TirExpr,
        row: TirExpr,
        bits: TirExpr,
    ) -> None:
        """One time of a piece, for all pixels of the tile."""
        step, form = self.window.strides[1] * self.buffer.layout.strides(self.buffer)[0], counts[0]
        ends = range(0, form.weight_words(p.size), form.vector // 2)
        taps = [ctx.bind(ctx.vector_at(weights, at + end, "uint8", form.vector)) for end in ends]
        for i, count in enumerate(counts):
            read = count.spread(row, bits + i * step, p.size)
            count.add([ctx.bind(tirx.popcount(read ^ tap)) for tap in taps])

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The accumulators of the pixel at hand as float32 lanes."""
        assert isinstance(ctx, ChannelContext)
        s, lowest = ctx.simd, self.centre // 3
        total = ctx.bind(s.reinterpret(s.load(*ctx.block(self)[ctx.pixel]), "int16"))
        if self.least is not None:
            total = ctx.bind(tirx.max(total, ctx.per_channel(self, "least", self.least, channels[0])))
        return [in_binade(s, total, 2 * lowest) if self.centre else s.cast(total, "float32")]


def carry(counts: list[Counts]) -> None:
    """Make room in all pixels' counts."""
    for count in counts:
        count.carry()
