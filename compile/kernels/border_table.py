# SPDX-License-Identifier: Apache-2.0
"""Border table: what a convolution's sum starts from, corrected where taps fall outside of the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ..ir.buffers import Buffer
from ..ir.window import Window
from .context import Context, place_count, place_example
from .simd import Simd


@dataclass(frozen=True)
class BorderTable:
    """A number of each channel that depends on which taps are padded, wherever a pixel may lie: of a binary
    convolution K + pad_shift * (weights under padded taps).

    `strips` [row class, channel, length] int64: the vector of columns v reads `lanes` entries from
    `first_step * min(v, columns before the interior) + last_step * (columns since the interior)` on. Usually
    the interior's vector is a window between the first and the last one's, which saves a third.
    """

    strips: npt.NDArray[np.int64]
    row_ends: tuple[int, int]  # how many rows at the start and the end are classes of their own
    column_ends: tuple[int, int]  # the same of vectors of columns
    first_step: int
    last_step: int
    lanes: int

    def start(self, ctx: Context, ahead: int = 0) -> TirExpr:
        """The place in its strip where the vector, or the pixel, at hand begins, or the vector `ahead` lanes on."""
        vectors = -(-ctx.width // self.lanes)
        vector, (first, last) = tirx.floordiv(ctx.column + ahead, self.lanes), self.column_ends
        lane = tirx.floormod(ctx.column, self.lanes) if ctx.simd.lanes == 1 else 0
        if vectors <= first + last:
            return vector * self.lanes + lane
        # arithmetic, not conditions: TVM's simplifier takes seconds over nested selects in an address
        before = tirx.min(vector, tirx.const(first, "int32"))
        since = tirx.max(vector - (vectors - last - 1), tirx.const(0, "int32"))
        return before * self.first_step + since * self.last_step + lane

    def load(self, ctx: Context, strips: TirExpr, at: TirExpr | int) -> TirExpr:
        """Entries of the place at hand from the strip that begins `at`, also where its vector is several of the
        table's."""
        s = ctx.simd
        if s.lanes <= self.lanes:
            return ctx.bind(s.load(strips, at + self.start(ctx)))
        single = Simd(self.lanes)
        parts = [ctx.bind(single.load(strips, at + self.start(ctx, ahead))) for ahead in range(0, s.lanes, self.lanes)]
        return ctx.bind(s.shuffle(parts, range(s.lanes)))


def border_table(
    signs: npt.NDArray[np.bool_],
    window: Window,
    pad_shift: int,
    source: Buffer,
    size: tuple[int, int],
    lanes: int,
    counted: npt.NDArray[np.int64] | int = 0,
) -> BorderTable:
    """The table of a convolution with weights [channels, c, kh, kw] over `source` whose map is of `size`; twice of
    what is `counted` already, of each channel, is taken off."""
    sums = np.where(signs, 1, -1).sum(axis=1)  # [channels, kh, kw]
    inside = signs[0].size - 2 * np.broadcast_to(counted, len(signs))[None, :, None, None]
    return under_padding(sums, window, source, size, lanes, lambda under: inside + pad_shift * under)


def under_padding(
    taps: npt.NDArray[np.int64],
    window: Window,
    source: Buffer,
    size: tuple[int, int],
    lanes: int,
    entry: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]],
) -> BorderTable:
    """The table of `entry` of the sums of those taps [channels, kh, kw] that fall outside of the map; `entry` is given
    them as [row class, channel, column class, lane]."""
    found = place_table(taps, window, source, size, lanes)
    rows = entry(found.values.transpose(0, 2, 1, 3))
    return in_strips([rows.transpose(0, 2, 1, 3)], found)[0]


@dataclass(frozen=True)
class PlaceTable:
    """`values` [row class, column class, channel] int64, or with lanes behind; places at the start and the end of rows,
    and of columns or vectors of them, that are classes of their own (context.place_class)."""

    values: npt.NDArray[np.int64]
    row_ends: tuple[int, int]
    column_ends: tuple[int, int]

    @property
    def columns(self) -> int:
        """Column classes."""
        return self.values.shape[1]


def place_table(
    taps: npt.NDArray[np.int64],
    window: Window,
    source: Buffer,
    size: tuple[int, int],
    lanes: int | None = None,
) -> PlaceTable:
    """The sums of those taps [channels, kh, kw] that fall outside of the map; of places of one column, or of vectors
    of columns, with a sum for each of their `lanes`."""
    height, width = size
    rows = window.padded(0, source.height, height)  # [height, kh]
    length = lanes or 1
    vectors = -(-width // length)
    padded = np.zeros((vectors * length, window.kernel[1]), bool)
    padded[:width] = window.padded(1, source.width, width)
    columns = padded.reshape(vectors, length, -1)
    row_ends, column_ends = (
        border_extent(np.asarray(rows.any(axis=1))),
        border_extent(np.asarray(padded.reshape(vectors, -1).any(axis=1))),
    )
    table = np.empty((place_count(*row_ends, height), place_count(*column_ends, vectors), len(taps), length), np.int64)
    for r, c in np.ndindex(*table.shape[:2]):
        under = (
            rows[place_example(r, *row_ends, height)][None, :, None]
            | columns[place_example(c, *column_ends, vectors)][:, None, :]
        )  # [lane, kh, kw]
        table[r, c] = np.einsum("okl,nkl->on", taps, under)
    return PlaceTable(table if lanes else table[..., 0], row_ends, column_ends)


def in_strips(tables: list[npt.NDArray[np.int64]], places: PlaceTable) -> list[BorderTable]:
    """Tables [row class, column class, channel, lane] of what is loaded at `places`, all of them in strips of the same
    form."""
    row_ends, column_ends, lanes = places.row_ends, places.column_ends, places.values.shape[3]
    by_channel = [table.transpose(0, 2, 1, 3) for table in tables]
    if places.columns == 3 and column_ends == (1, 1):
        ends = [np.concatenate([table[:, :, 0], table[:, :, 2]], axis=2) for table in by_channel]
        if all((e[:, :, 1 : 1 + lanes] == t[:, :, 1]).all() for e, t in zip(ends, by_channel, strict=True)):
            return [BorderTable(e, row_ends, column_ends, 1, lanes - 1, lanes) for e in ends]
    strips = [table.reshape(*table.shape[:2], -1) for table in by_channel]
    return [BorderTable(s, row_ends, column_ends, lanes, lanes, lanes) for s in strips]


def border_extent(touched: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The number of places at the start and at the end that a border touches; all, where it touches the middle."""
    inner = np.flatnonzero(~touched)
    if not len(inner):
        return len(touched), 0
    first, last = int(inner[0]), len(touched) - 1 - int(inner[-1])
    return (first, last) if not touched[first : len(touched) - last].any() else (len(touched), 0)
