# SPDX-License-Identifier: Apache-2.0
"""BinaryDot: the accumulator of a binary convolution, by XOR and bit count (3), (18).

    dot = (K - 2*popcount(a XOR w) + pad_shift * (sum of the weights under padded taps)) / unit

Sixteen pixels a vector, eight channels a byte: `eor, cnt, add` is 128 one-bit multiply-adds. Counts are
summed in bytes, at most 31 terms of 8 (248 < 256) before they are widened to 16 bits. A padded tap reads
zeros, that is, -1; what the padding value asks for instead depends only on where the pixel lies, so it is a
table by row class, channel, column class and lane (border_table.py), which also holds K. Where all accumulators are
even (always with an even number of channels) half of them is computed, which spares doubling the counts.

Of *twins* (packed_weights.py) popcount(a XOR w1) + popcount(a XOR w2) is twice what is counted and a constant, which
the table takes in.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind, not_sliceable
from ..ir.window import Window
from ..storage import Bits
from .border_table import BorderTable, border_table
from .context import Context, place_class
from .packed_weights import copies_of, packed
from .simd import Simd
from .taps import grouped_sum, window_operand, windows

CHUNK = 31
MANTISSA, BIAS = 23, 127


@kind
@dataclass(frozen=True, eq=False)
class BinaryDot(Leaf):
    """The integer accumulator of a binary convolution, (K - 2*popcount(a XOR w) + border correction) / unit.

    `signs` [channels, c, kh, kw] are the weights' bits (True is +1). A padded tap reads bit 0, which is -1;
    `pad_shift` times the tap's weight is added to make it what the padding value asks: 0 for padding with
    -1, 1 for zero padding, 2 for padding with +1 (in units of half the distance of the activation's levels).
    `unit` is 2 where that leaves all accumulators whole numbers, else 1. `centre` is added: 0, or 3*2**(k-1) such that
    all results lie in [2**k, 2**(k+1)), where float32 numbers are ordered as their bits are. `first` is the layer's
    channel that it begins with, where only a part of them is wanted.
    """

    buffer: Buffer
    signs: npt.NDArray[np.bool_]
    window: Window
    pad_shift: int = 1
    unit: int = 1
    centre: int = 0
    first: int = 0

    leads: ClassVar[int | None] = 0
    is_never_negative_zero = False

    @property
    def bits(self) -> Bits:
        """The encoding of the map that it reads."""
        encoding = self.buffer.encoding
        assert isinstance(encoding, Bits)
        return encoding

    @property
    def planes(self) -> int:
        """Planes of one group of its input."""
        return self.bits.planes_per_group(self.buffer.channels)

    @property
    def is_twin(self) -> bool:
        """Whether each stored bit counts for two channels at once."""
        return self.bits.copies == 2

    @property
    def subtractions(self) -> int:
        """The times that a count is taken off what is made of it."""
        return (2 if self.is_twin else 1) * (2 // self.unit)

    @property
    def is_square(self) -> bool:
        return self.window.is_square

    @property
    def work(self) -> Work:
        return Work(binary=self.signs.size)

    def operands(self) -> tuple[Operand, ...]:
        """The window's rows; a row outside is zero bits."""
        return (window_operand(self.buffer, self.window),)

    def slice(self, start: int, stop: int) -> BinaryDot:
        if self.bits.groups != 1:
            raise not_sliceable(self)
        return replace(self, channels=stop - start, signs=self.signs[start:stop], first=self.first + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """float32 [channels, H', W'], whole numbers."""
        one = np.float32(1)  # which a matrix product is fast in, and exact up to 2^24 terms
        bits = inputs.stored[self.buffer.name]
        taps = windows(np.where(bits, one, -one), self.window, self.pad_shift - 1)
        dot = grouped_sum(taps, np.where(self.signs, one, -one), self.bits.groups)
        return (dot.astype(np.int32) // self.unit + self.centre).astype(np.float32)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.asarray(np.abs(self.reference(magnitudes)))

    def identity(self) -> Expr | None:
        return self

    def slots(self, issue: Issue) -> int:
        """eor, cnt and add a tap, but that a chunk's first count is not added, and the and of twins; chunks are widened
        as often as they are taken off; made float."""
        taps = self.planes * self.window.kernel[0] * self.window.kernel[1]
        chunks = len(self.tap_chunks())
        count = (4 if self.is_twin else 3) * taps - chunks
        return issue.integer * (count + 2 * chunks * self.subtractions + 2 * issue.words)

    def packed_weights(self) -> npt.NDArray[np.uint8]:
        """[channels, planes, kh, kw], or twins' [channels, planes, kh, kw, 2] (packed_weights.py)."""
        return packed(copies_of(self.signs, self.bits.copies), self.is_twin)

    def counted(self) -> npt.NDArray[np.int64] | int:
        """Of each channel, what its counts have in them whatever the bits are: twins that differ."""
        first, second = np.split(self.signs, 2, axis=1) if self.is_twin else (self.signs, self.signs)
        return np.asarray((first != second).sum((1, 2, 3)))

    def tap_chunks(self) -> list[tuple[range, list[tuple[int, int]]]]:
        """The taps as (planes, places in the window) whose counts one byte holds."""
        places = list(np.ndindex(*self.window.kernel))
        together = max(CHUNK // len(places), 1)
        return [
            (range(plane, min(plane + together, self.planes)), places[n : n + CHUNK])
            for plane in range(0, self.planes, together)
            for n in range(0, len(places), CHUNK)
        ]

    def prepare(self, ctx: Context) -> tuple[BorderTable, TirExpr]:
        """The border table, and which of its row classes this row is of."""
        size, lanes = (ctx.height, ctx.width), ctx.vector.lanes
        table = border_table(self.signs, self.window, self.pad_shift, self.buffer, size, lanes, self.counted())
        return table, ctx.bind(place_class(ctx.y, *table.row_ends, ctx.height))

    def begin_block(self, ctx: Context, channels: list[TirExpr | int]) -> list[TirExpr]:
        """Counts of a whole block of channels, for each chunk of taps a local uint8 buffer [channels * lanes].

        A tap's pixels are loaded once for the channels that are counted together. The planes of a chunk are a loop:
        unrolled, LLVM would keep all pixels in registers from one block to the next, and spill.
        """
        s, w, buffer = ctx.simd, self.window, self.buffer
        rows, area = ctx.rows(self.operands()[0]), w.kernel[0] * w.kernel[1]
        bytes_, weights = ctx.parameter(self, "signs", self.packed_weights)
        each = 2 if self.is_twin else 1

        def count(
            o: TirExpr | int, total: TirExpr, plane: TirExpr, tap: tuple[int, int], shared: TirExpr | None
        ) -> None:
            ky, kx = tap
            group = tirx.floordiv(o, len(self.signs) // self.bits.groups) * self.planes
            x = ctx.load_tap(rows[ky], buffer, group + plane, w, kx) if shared is None else shared
            place = weights + (o * (self.planes * area) + plane * area + ky * w.kernel[1] + kx) * each
            differ = x ^ ctx.replicated(bytes_, place, "uint8")
            if self.is_twin:
                differ = differ & ctx.replicated(bytes_, place + 1, "uint8")
            s.store(total, s.load(total, 0) + tirx.popcount(differ), 0)

        chunks = []
        for planes, places in self.tap_chunks():
            counts = T.alloc_buffer((len(channels) * s.lanes,), "uint8", scope="local")
            turn = next(n for n in range(ctx.schedule.unrolled, 0, -1) if len(planes) % n == 0)
            for first in range(0, len(channels), ctx.schedule.counted):
                some = channels[first : first + ctx.schedule.counted]
                sums = [ctx.allocate("uint8") for _ in some]
                for total in sums:
                    s.store(total, s.const(0, "uint8"), 0)
                with T.serial(0, len(planes) // turn) as step:
                    for i, tap in itertools.product(range(turn), places):
                        plane = planes.start + step * turn + i
                        row, kx = rows[tap[0]], tap[1]
                        shared = ctx.load_tap(row, buffer, plane, w, kx) if self.bits.groups == 1 else None
                        for o, total in zip(some, sums, strict=True):
                            count(o, total, plane, tap, shared)
                for n, total in enumerate(sums):
                    s.store(counts, s.load(total, 0), (first + n) * s.lanes)
            chunks.append(counts)
        return chunks

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return [self.emit_channel(ctx, o, n) for o, n in zip(channels, ctx.places, strict=True)]

    def emit_channel(self, ctx: Context, o: TirExpr, n: TirExpr) -> TirExpr:
        """The accumulator of channel `o`, the `n`-th of its block, as float32 lanes (exact: it has at most 16 bits)."""
        s = ctx.simd
        table, row_class = ctx.prepared(self)
        lowest = self.centre // 3  # of the results' distance from 2**k, half a binade
        words, base = ctx.parameter(self, "border", lambda: (table.strips // self.unit + lowest).astype(np.int16))
        strip = (row_class * len(self.signs) + o) * table.strips.shape[2]
        total = table.load(ctx, words, base + strip)
        for counts in ctx.block(self):
            wide = s.cast(s.load(counts, n * s.lanes), "int16")
            total = ctx.bind(reduce(operator.sub, [wide] * self.subtractions, total))
        return in_binade(s, total, 2 * lowest) if self.centre else s.cast(total, "float32")


def in_binade(s: Simd, x: TirExpr, power: int) -> TirExpr:
    """The float32 `power` + x of int16 lanes 0 <= x < `power` = 2**k: x in the mantissa, k in the exponent.

    A widening shift and an `or`, half of what converting costs, and the result's bits are ordered as its values.
    """
    k = power.bit_length() - 1
    mantissa = tirx.shift_left(s.cast(s.reinterpret(x, "uint16"), "uint32"), s.const(MANTISSA - k, "uint32"))
    return s.reinterpret(mantissa | s.const((BIAS + k) << MANTISSA, "uint32"), "float32")
