# SPDX-License-Identifier: Apache-2.0
"""BinaryDot: the accumulator of a binary convolution, by XOR and bit count (3), (18).

    dot = (K - 2*popcount(a XOR w) + pad_shift * (sum of the weights under padded taps)) / unit

Sixteen pixels a vector, eight channels a byte: `eor, cnt, add` is 128 one-bit multiply-adds. Counts are
summed in bytes, at most 31 terms of 8 (248 < 256) before they are widened to 16 bits. A padded tap reads
zeros, that is, -1; what the padding value asks for instead depends only on where the pixel lies, so it is a
table by row class, channel, column class and lane, which also holds K. Where all accumulators are even (always
with an even number of channels) half of them is computed, which spares doubling the counts.

Meaning (numpy), then TIR.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.buffers import LANES, Operand
from ..ir.expressions import BinaryDot
from .context import Context, place_class, place_count, place_example
from .convolution import grouped_sum, windows
from .simd import Simd

CHUNK = 31


def reference(e: BinaryDot, bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """bits [C, H, W] (True is +1) -> the accumulators, int32 [channels, H', W']."""
    one = np.float32(1)  # which a matrix product is fast in, and exact up to 2^24 terms
    taps = windows(np.where(bits, one, -one), e.window, e.pad_shift - 1)
    dot = grouped_sum(taps, np.where(e.signs, one, -one), e.buffer.groups)
    return dot.astype(np.int32) // e.unit + e.centre


def operand(e: BinaryDot) -> Operand:
    """The window's rows; a row outside is zero bits."""
    w = e.window
    return Operand(e.buffer, mul=w.strides[0], add=-w.pads[0], step=w.dilations[0], count=w.kernel[0], edge="zero")


def packed_weights(e: BinaryDot) -> npt.NDArray[np.uint8]:
    """[channels, planes, kh, kw]: bit i of plane j is channel 8j+i; bits past the last channel are 0."""
    m, c, kh, kw = e.signs.shape
    padded = np.zeros((m, -(-c // 8) * 8, kh, kw), bool)
    padded[:, :c] = e.signs
    return np.packbits(padded.reshape(m, -1, 8, kh, kw), axis=2, bitorder="little")[:, :, 0]


@dataclass(frozen=True)
class BorderTable:
    """K + pad_shift * (weights under padded taps), wherever a pixel may lie.

    `strips` [row class, channel, length] int64: the vector of columns v reads LANES entries from
    `first_step * min(v, columns before the interior) + last_step * (columns since the interior)` on. Usually
    the interior's vector is a window between the first and the last one's, which saves a third.
    """

    strips: npt.NDArray[np.int64]
    row_ends: tuple[int, int]  # how many rows at the start and the end are classes of their own
    column_ends: tuple[int, int]  # the same of vectors of columns
    first_step: int
    last_step: int

    def start(self, ctx: Context) -> TirExpr:
        """Where in its strip the vector, or the pixel, at hand begins."""
        vectors = -(-ctx.width // LANES)
        vector, (first, last) = tirx.floordiv(ctx.column, LANES), self.column_ends
        lane = tirx.floormod(ctx.column, LANES) if ctx.simd.lanes == 1 else 0
        if vectors <= first + last:
            return vector * LANES + lane
        # arithmetic, not conditions: TVM's simplifier takes seconds over nested selects in an address
        before = tirx.min(vector, tirx.const(first, "int32"))
        since = tirx.max(vector - (vectors - last - 1), tirx.const(0, "int32"))
        return before * self.first_step + since * self.last_step + lane


def border_table(e: BinaryDot, height: int, width: int) -> BorderTable:
    """The table of an accumulator whose map is height x width."""
    sums = np.where(e.signs, 1, -1).sum(axis=1)  # [channels, kh, kw]
    rows = e.window.padded(0, e.buffer.height, height)  # [height, kh]
    vectors = -(-width // LANES)
    padded = np.zeros((vectors * LANES, e.window.kernel[1]), bool)
    padded[:width] = e.window.padded(1, e.buffer.width, width)
    columns = padded.reshape(vectors, LANES, -1)
    row_ends, column_ends = (
        border_extent(np.asarray(rows.any(axis=1))),
        border_extent(np.asarray(padded.reshape(vectors, -1).any(axis=1))),
    )
    table = np.empty((place_count(*row_ends, height), len(sums), place_count(*column_ends, vectors), LANES), np.int64)
    for r, c in np.ndindex(len(table), table.shape[2]):
        under = (
            rows[place_example(r, *row_ends, height)][None, :, None]
            | columns[place_example(c, *column_ends, vectors)][:, None, :]
        )  # [lane, kh, kw]
        table[r, :, c] = np.einsum("okl,nkl->on", sums, under)
    table = e.signs[0].size + e.pad_shift * table
    strips = table.reshape(*table.shape[:2], -1)
    if table.shape[2] == 3 and column_ends == (1, 1):
        ends = np.concatenate([table[:, :, 0], table[:, :, 2]], axis=2)
        if (ends[:, :, 1 : 1 + LANES] == table[:, :, 1]).all():
            return BorderTable(ends, row_ends, column_ends, 1, LANES - 1)
    return BorderTable(strips, row_ends, column_ends, LANES, LANES)


def border_extent(touched: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """How many places at the start and at the end a border touches; all of them, where it touches the middle."""
    inner = np.flatnonzero(~touched)
    if not len(inner):
        return len(touched), 0
    first, last = int(inner[0]), len(touched) - 1 - int(inner[-1])
    return (first, last) if not touched[first : len(touched) - last].any() else (len(touched), 0)


def prepare(e: BinaryDot, ctx: Context) -> tuple[BorderTable, TirExpr]:
    """The border table, and which of its row classes this row is of."""
    table = border_table(e, ctx.height, ctx.width)
    return table, ctx.bind(place_class(ctx.y, *table.row_ends, ctx.height))


def tap_chunks(e: BinaryDot) -> list[tuple[range, list[tuple[int, int]]]]:
    """The taps as (planes, places in the window) whose counts one byte holds."""
    places = list(np.ndindex(*e.window.kernel))
    planes, together = e.buffer.planes_per_group, max(CHUNK // len(places), 1)
    return [
        (range(plane, min(plane + together, planes)), places[n : n + CHUNK])
        for plane in range(0, planes, together)
        for n in range(0, len(places), CHUNK)
    ]


def begin_block(e: BinaryDot, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
    """Counts of a whole block of channels, for each chunk of taps a local uint8 buffer [channels * lanes].

    A tap's pixels are loaded once for the channels that are counted together. The planes of a chunk are a loop:
    unrolled, LLVM would keep all pixels in registers from one block to the next, and spill.
    """
    s, w, buffer = ctx.simd, e.window, e.buffer
    rows, area = ctx.rows(operand(e)), w.kernel[0] * w.kernel[1]
    bytes_, weights = ctx.parameter(e, "signs", lambda: packed_weights(e))

    def pixels(plane: TirExpr, ky: int, kx: int) -> TirExpr:
        at = plane * buffer.plane_stride + buffer.origin - w.pads[1] + kx * w.dilations[1]
        return ctx.bind(s.load_strided(rows[ky], at + ctx.column * w.strides[1], w.strides[1]))

    def count(o: TirExpr, total: TirExpr, plane: TirExpr, tap: tuple[int, int], shared: TirExpr | None) -> None:
        ky, kx = tap
        group = tirx.floordiv(o, len(e.signs) // buffer.groups) * buffer.planes_per_group
        x = pixels(group + plane, ky, kx) if shared is None else shared
        place = o * (buffer.planes_per_group * area) + plane * area + ky * w.kernel[1] + kx
        s.store(total, s.load(total, 0) + tirx.popcount(x ^ ctx.spread(bytes_, weights + place, "uint8")), 0)

    chunks = []
    for planes, places in tap_chunks(e):
        counts = T.alloc_buffer((len(channels) * s.lanes,), "uint8", scope="local")
        turn = next(n for n in range(ctx.schedule.unrolled, 0, -1) if len(planes) % n == 0)
        for first in range(0, len(channels), ctx.schedule.counted):
            some = channels[first : first + ctx.schedule.counted]
            sums = [T.alloc_buffer((s.lanes,), "uint8", scope="local") for _ in some]
            for total in sums:
                s.store(total, s.const(0, "uint8"), 0)
            with T.serial(0, len(planes) // turn) as step:
                for i, tap in itertools.product(range(turn), places):
                    plane = planes.start + step * turn + i
                    shared = pixels(plane, *tap) if buffer.groups == 1 else None
                    for o, total in zip(some, sums, strict=True):
                        count(o, total, plane, tap, shared)
            for n, total in enumerate(sums):
                s.store(counts, s.load(total, 0), (first + n) * s.lanes)
        chunks.append(counts)
    return chunks


def emit(e: BinaryDot, ctx: Context, o: TirExpr, counted: list[TirExpr], n: TirExpr) -> TirExpr:
    """The accumulator of channel `o`, the `n`-th of its block, as float32 lanes (exact: it has at most 16 bits)."""
    s = ctx.simd
    table, row_class = ctx.prepared(e)
    lowest = e.centre // 3  # of the results' distance from 2**k, half a binade
    words, base = ctx.parameter(e, "border", lambda: (table.strips // e.unit + lowest).astype(np.int16))
    total = ctx.bind(s.load(words, base + (row_class * len(e.signs) + o) * table.strips.shape[2] + table.start(ctx)))
    for counts in counted:
        wide = s.cast(s.load(counts, n * s.lanes), "int16")
        total = ctx.bind(total - wide if e.unit == 2 else total - wide - wide)
    return in_binade(s, total, 2 * lowest) if e.centre else s.cast(total, "float32")


MANTISSA, BIAS = 23, 127


def in_binade(s: Simd, x: TirExpr, power: int) -> TirExpr:
    """The float32 `power` + x of int16 lanes 0 <= x < `power` = 2**k: x in the mantissa, k in the exponent.

    A widening shift and an `or`, half of what converting costs, and the result's bits are ordered as its values.
    """
    k = power.bit_length() - 1
    mantissa = tirx.shift_left(s.cast(s.reinterpret(x, "uint16"), "uint32"), s.const(MANTISSA - k, "uint32"))
    return s.reinterpret(mantissa | s.const((BIAS + k) << MANTISSA, "uint32"), "float32")
