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

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ..program import LANES, BinaryDot, Operand
from .context import Context, place_class, place_count, place_example
from .convolution import grouped_sum, windows

CHUNK = 31


def reference(e: BinaryDot, bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """bits [C, H, W] (True is +1) -> the accumulators, int32 [channels, H', W']."""
    groups = e.buffer.groups
    signs = np.where(e.signs, 1, -1)
    dot = grouped_sum(windows(np.where(bits, 1, -1), e.window, e.pad_shift - 1), signs, groups)
    return dot.astype(np.int32) // e.unit


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


def emit(e: BinaryDot, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
    """The accumulators of some channels as float32 lanes (exact: they have at most 16 bits).

    A tap's pixels are loaded once for all of the channels.
    """
    s, w, buffer = ctx.simd, e.window, e.buffer
    rows, planes = ctx.rows(operand(e)), buffer.planes_per_group
    table, row_class = ctx.prepared(e)
    bytes_, weights = ctx.parameter(e, "signs", lambda: packed_weights(e))
    words, base = ctx.parameter(e, "border", lambda: (table.strips // e.unit).astype(np.int16))
    start = table.start(ctx)
    totals = [
        ctx.bind(s.load(words, base + (row_class * len(e.signs) + o) * table.strips.shape[2] + start)) for o in channels
    ]
    taps = list(np.ndindex(planes, *w.kernel))

    def pixels(plane: TirExpr, ky: int, kx: int) -> TirExpr:
        at = plane * buffer.plane_stride + buffer.origin - w.pads[1] + kx * w.dilations[1]
        return ctx.bind(s.load_strided(rows[ky], at + ctx.column * w.strides[1], w.strides[1]))

    for chunk in range(0, len(taps), CHUNK):
        counts: list[TirExpr] = []
        for n, (plane, ky, kx) in list(enumerate(taps))[chunk : chunk + CHUNK]:
            if buffer.groups == 1:
                xs = [pixels(plane, ky, kx)] * len(channels)
            else:
                xs = [
                    pixels(tirx.floordiv(o, len(e.signs) // buffer.groups) * planes + plane, ky, kx) for o in channels
                ]
            weight = [ctx.spread(bytes_, weights + o * len(taps) + n, "uint8") for o in channels]
            ones = [tirx.popcount(x ^ v) for x, v in zip(xs, weight, strict=True)]
            counts = (
                [ctx.bind(a + b) for a, b in zip(counts, ones, strict=True)] if counts else list(map(ctx.bind, ones))
            )
        wide = [s.cast(c, "int16") for c in counts]
        totals = [ctx.bind(t - v if e.unit == 2 else t - v - v) for t, v in zip(totals, wide, strict=True)]
    return [s.cast(t, "float32") for t in totals]
