# SPDX-License-Identifier: Apache-2.0
"""IntegerDot: a binary convolution as int8 counts (com.biisnet::IntegerBinaryConv2d).

    d = saturate(popcount(a XOR w) - K/2) = saturate(-dot / 2)

A lane is a pixel, a byte of packed bits eight channels: `eor, cnt, add` is 128 one-bit multiply-adds, and the sums of
a *chunk* of up to 31 such terms, which start from minus half of it, are exact in int8. A padded tap reads a clear bit,
which is +1 (IntegerBits); what that is wrong by is in the table that a chunk's sum starts from, by row class, channel,
column class and lane. The chunks are added up saturating.

Of *twins* (packed_weights.py) popcount(a XOR w1) + popcount(a XOR w2) is 2n and a constant, n the sum of the chunks:
d = saturate(2n + odd), `odd` a table too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Inputs, Work, kind, not_sliceable
from ..ir.window import Window
from ..storage import IntegerBits
from .border_table import BorderTable
from .context import Context, place_class
from .dot_constants import DotConstants
from .integer_sum import ExactLeaf, Extent
from .table_count import HALF, TableCount, counts_by_tables
from .taps import grouped_sum, window_operand, windows

LOW, HIGH = -128, 127


@dataclass(frozen=True)
class Prepared:
    """The tables that a row's counts start from, one a chunk, and what twice a twin's count is short of; and which of
    their row classes the row is of."""

    chunks: list[BorderTable]
    odd: BorderTable | None
    row_class: TirExpr


@kind
@dataclass(frozen=True, eq=False)
class IntegerDot(ExactLeaf):
    """saturate(-dot/2), int8; `signs` [channels, c, kh, kw] are the weights' bits (True is +1), c the channels of a
    group, or `tile` times the map's where it is read several times, of one group then. c is even."""

    buffer: Buffer
    signs: npt.NDArray[np.bool_]
    window: Window
    tile: int = 1

    leads: ClassVar[int | None] = 5
    comes_first: ClassVar[bool] = True

    def __post_init__(self) -> None:
        assert self.tile == 1 or self.bits.groups == 1

    @property
    def bits(self) -> IntegerBits:
        """The encoding of the map that it reads."""
        encoding = self.buffer.encoding
        assert isinstance(encoding, IntegerBits)
        return encoding

    @property
    def stored_planes(self) -> int:
        """Planes of one group of the map."""
        return self.bits.planes_per_group(self.buffer.channels)

    @property
    def constants(self) -> DotConstants:
        """The weights as they are counted, and what the counts start from."""
        return DotConstants(self.signs, self.window, self.buffer, self.tile, self.stored_planes)

    @property
    def is_square(self) -> bool:
        return self.window.is_square

    @property
    def work(self) -> Work:
        return Work(binary=self.signs.size)

    def operands(self) -> tuple[Operand, ...]:
        """The window's rows; a row outside is clear bits."""
        return (window_operand(self.buffer, self.window),)

    def slice(self, start: int, stop: int) -> IntegerDot:
        if self.bits.groups != 1:
            raise not_sliceable(self)
        return replace(self, channels=stop - start, signs=self.signs[start:stop])

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int8 [channels, H', W']."""
        one = np.float32(1)  # which a matrix product is fast in, and exact up to 2^24 terms
        bits = np.concatenate([inputs.stored[self.buffer.name]] * self.tile)
        dot = grouped_sum(
            windows(np.where(bits, one, -one), self.window), np.where(self.signs, one, -one), self.bits.groups
        )
        return np.clip(-dot.astype(np.int32) // 2, LOW, HIGH).astype(np.int8)

    def extent(self, *parts: Extent) -> Extent:
        """Minus and plus half of the terms, as far as an int8 goes."""
        half = self.signs[0].size // 2
        return np.full(self.channels, max(-half, LOW)), np.full(self.channels, min(half, HIGH))

    def slots(self, issue: Issue) -> int:
        """eor, cnt and add a tap, and the and of twins; what adds up the chunks."""
        constants = self.constants
        taps, twin = constants.planes * self.window.kernel[0] * self.window.kernel[1], constants.is_twin
        return issue.integer * ((4 if twin else 3) * taps + len(constants.chunks()) - 1 + 2 * twin)

    # ---- TIR ----

    def prepare(self, ctx: Context) -> Prepared:
        """The tables, and which of their row classes this row is of."""
        chunks, odd = self.constants.starts((ctx.height, ctx.width), ctx.vector.lanes)
        return Prepared(chunks, odd, ctx.bind(place_class(ctx.y, *chunks[0].row_ends, ctx.height)))

    def from_table(self, ctx: Context, name: str, table: BorderTable, o: TirExpr | int) -> TirExpr:
        """int8 lanes of a table for channel `o` at the place at hand."""
        strips, base = ctx.parameter(self, name, lambda: table.strips.astype(np.int8))
        row_class = ctx.prepared(self).row_class
        return table.load(ctx, strips, base + (row_class * len(self.signs) + o) * table.strips.shape[2])

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The channels at hand are counted together: they share a tap's pixels, with registers each."""
        chunks = [self.count_chunk(ctx, channels, index) for index in range(len(self.constants.chunks()))]
        return [self.add_up(ctx, o, list(parts)) for o, *parts in zip(channels, *chunks, strict=True)]

    def count_chunk(self, ctx: Context, channels: list[TirExpr], index: int) -> list[TirExpr]:
        """int8 sums of one chunk's taps, for each channel."""
        if self.bits.groups == 1 and self.bits.halves and counts_by_tables(ctx, channels):
            return self.look_chunk_up(ctx, channels, index)
        s, (planes, places) = ctx.simd, self.constants.chunks()[index]
        sums = [ctx.allocate("uint8") for _ in channels]
        for o, total in zip(channels, sums, strict=True):
            start = self.from_table(ctx, f"table {index}", ctx.prepared(self).chunks[index], o)
            s.store(total, s.reinterpret(start, "uint8"), 0)
        with self.planes_loop(ctx, planes) as some:
            for plane, tap in itertools.product(some, places):
                self.count(ctx, channels, sums, plane, tap)
        return [ctx.bind(s.reinterpret(s.load(total, 0), "int8")) for total in sums]

    def look_chunk_up(self, ctx: Context, channels: list[TirExpr], index: int) -> list[TirExpr]:
        """The same, by tables of what its weights count of half a byte."""
        s, constants, area = ctx.simd, self.constants, self.window.kernel[0] * self.window.kernel[1]
        planes, places = constants.chunks()[index]
        tables = ctx.parameter(self, "tables", constants.packed_tables)
        sums = TableCount(ctx, channels, tables, constants.planes * area)
        with self.planes_loop(ctx, planes) as some:
            sums.add(
                [
                    (plane * area + ky * self.window.kernel[1] + kx, self.halves(ctx, 0, plane, (ky, kx)))
                    for plane, (ky, kx) in itertools.product(some, places)
                ]
            )
        table = ctx.prepared(self).chunks[index]
        starts = [self.from_table(ctx, f"table {index}", table, o) for o in channels]
        counts = [s.reinterpret(count, "int8") for count in sums.counts()]
        return [ctx.bind(count + start) for count, start in zip(counts, starts, strict=True)]

    @contextmanager
    def planes_loop(self, ctx: Context, planes: range) -> Iterator[list[TirExpr | int]]:
        """The loop over a chunk's planes, none where one turn takes them all; gives a turn's."""
        turn = next(n for n in range(ctx.schedule.unrolled, 0, -1) if len(planes) % n == 0)
        with ctx.loop(len(planes) // turn) if turn < len(planes) else nullcontext(0) as step:
            yield [planes.start + step * turn + i for i in range(turn)]

    def pixels(self, ctx: Context, group: TirExpr | int, plane: TirExpr | int, tap: tuple[int, int]) -> TirExpr:
        """The bytes that a tap of a plane reads, of a group whose planes begin at `group`."""
        found = self.halves(ctx, group, plane, tap)
        if len(found) == 1:
            return found[0]
        low, high = found
        return ctx.bind(low | tirx.shift_left(high, ctx.simd.const(HALF, "uint8")))

    def halves(self, ctx: Context, group: TirExpr | int, plane: TirExpr | int, tap: tuple[int, int]) -> list[TirExpr]:
        """The same as they are stored: a byte, or its lower and upper half."""
        row = ctx.rows(self.operands()[0])[tap[0]]
        stored = plane % self.stored_planes if isinstance(plane, int) else tirx.floormod(plane, self.stored_planes)
        first, parts = group + stored, 2 if self.bits.halves else 1
        return [
            ctx.load_tap(row, self.buffer, first * parts + n if parts > 1 else first, self.window, tap[1])
            for n in range(parts)
        ]

    def count(
        self,
        ctx: Context,
        channels: list[TirExpr],
        sums: list[TirExpr],
        plane: TirExpr | int,
        tap: tuple[int, int],
    ) -> None:
        """One tap of a plane for some channels, whose pixels are loaded once for all but grouped ones."""
        s, (ky, kx) = ctx.simd, tap
        area = self.window.kernel[0] * self.window.kernel[1]
        weights, base = ctx.parameter(self, "signs", self.constants.packed_weights)
        each = 2 if self.constants.is_twin else 1
        shared = self.pixels(ctx, 0, plane, tap) if self.bits.groups == 1 else None
        for o, total in zip(channels, sums, strict=True):
            group = tirx.floordiv(o, len(self.signs) // self.bits.groups) * self.stored_planes
            x = self.pixels(ctx, group, plane, tap) if shared is None else shared
            place = base + ((o * self.constants.planes + plane) * area + ky * self.window.kernel[1] + kx) * each
            differ = x ^ ctx.replicated(weights, place, "uint8")
            if self.constants.is_twin:
                differ = differ & ctx.replicated(weights, place + 1, "uint8")
            s.store(total, s.load(total, 0) + tirx.popcount(differ), 0)

    def add_up(self, ctx: Context, o: TirExpr, parts: list[TirExpr]) -> TirExpr:
        """The chunks of channel `o`, added up and saturated once."""
        s, odd = ctx.simd, ctx.prepared(self).odd
        short = None if odd is None else self.from_table(ctx, "odd", odd, o)
        if len(parts) <= 2:  # saturated in between is as good: what is above once stays above
            total = parts[0] if len(parts) == 1 else ctx.bind(s.add_saturating(parts[0], parts[1]))
            return total if short is None else s.add_saturating(total, ctx.bind(s.add_saturating(total, short)))
        wide = ctx.bind(s.cast(parts[0], "int16"))
        for part in parts[1:]:
            wide = ctx.bind(wide + s.cast(part, "int16"))
        if short is not None:
            wide = ctx.bind(wide + wide + s.cast(short, "int16"))
        return s.cast(tirx.max(tirx.min(wide, s.const(HIGH, "int16")), s.const(LOW, "int16")), "int8")
