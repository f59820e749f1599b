# SPDX-License-Identifier: Apache-2.0
"""ChannelPooledDepthwise: a depthwise convolution of a MaxPool, by vectors of channels, without the map between them.

Of a row of pooled pixels the largest of each column's rows is found once, then that of neighbouring columns, and each
is multiplied by the weight of every output of the tile that it is a tap of. A pooled row that two rows of windows have
is computed for both: that costs less than to write it and to read it again.

A pooled pixel outside of its map is a zero, whatever the map has below it. Of a row outside, all rows are taken to be
the one that is outside of the map too, which is the zero row; of a column outside, the largest is masked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Array, Expr, Inputs, Leaf, Work, kind, not_sliceable
from ..ir.stages import Stage
from ..storage.encoding import BLOCK
from .channel_bands import longest_band
from .channel_context import ChannelContext
from .channel_convolution import WORDS, Sums, parts_of
from .channel_depthwise import ChannelDepthwise
from .channel_max_pool import ChannelMaxPool
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class ChannelPooledDepthwise(Leaf):
    """`depthwise` of what `pool` gives, in place of the map that it reads. The pool has no padding."""

    pool: ChannelMaxPool
    depthwise: ChannelDepthwise
    is_ordered: bool = False
    """Whether no pixel of the map has a sign bit but NaN: then floats are ordered as unsigned integers are."""

    leads: ClassVar[int | None] = 13
    has_channel_lanes: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a padded pool, whose rows would be the nearest and not zero."""
        if any(self.pool.window.pads):
            raise ValueError(f"{self.pool.window}: a padded pool is a stage of its own")

    @property
    def buffer(self) -> Buffer:
        """The map that is read."""
        return self.pool.buffer

    @property
    def is_square(self) -> bool:
        return self.pool.is_square and self.depthwise.is_square

    @property
    def is_never_negative_zero(self) -> bool:
        return self.depthwise.is_never_negative_zero

    @property
    def work(self) -> Work:
        return self.depthwise.work

    def operands(self) -> tuple[Operand, ...]:
        """The rows of the windows of a row of windows; a row outside is zero."""
        (height, step), w = self.vertical, self.depthwise.window
        count = (w.kernel[0] - 1) * w.dilations[0] * step + height
        return (Operand(self.buffer, w.strides[0] * step, -w.pads[0] * step, count=count, edge="zero"),)

    @property
    def vertical(self) -> tuple[int, int]:
        """Rows that are pooled, and from one pooled row to the next."""
        return self.pool.window.kernel[0], self.pool.window.strides[0]

    def slice(self, start: int, stop: int) -> Expr:
        raise not_sliceable(self)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, H', W'], one after the other."""
        return self.depthwise.reference(self.pooled(inputs))

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], Array]) -> Array:
        return self.depthwise.error_bound(self.pooled(magnitudes), value)

    def pooled(self, inputs: Inputs) -> Inputs:
        """Inputs of the depthwise convolution, given the pool's."""
        return replace(inputs, stored={self.depthwise.buffer.name: self.pool.reference(inputs)})

    def identity(self) -> Expr:
        """Zero, whatever the map that it reads is."""
        blur = self.depthwise
        silent = replace(blur, weight=np.zeros_like(blur.weight), bias=np.zeros_like(blur.bias))
        return replace(self, depthwise=silent)

    def slots(self, issue: Issue) -> int:
        """A multiply-add a tap, and the comparisons of pooled pixels that no other output has."""
        (kh, kw), strides = self.pool.window.kernel, self.depthwise.window.strides
        own = min(strides[0], self.depthwise.window.kernel[0]) * min(strides[1], self.depthwise.window.kernel[1])
        comparison = issue.integer if self.is_ordered else issue.float
        return self.depthwise.slots(issue) + issue.words * own * (kh - 1 + kw - 1) * comparison

    def suits_band(self, stage: Stage) -> int:
        """The most rows whose windows' rows of 8 channels stay near: two rows of windows have some in common."""
        return longest_band(self.operands()[0], BLOCK / self.buffer.channels, stage.height)

    def begin_block(self, ctx: Context, channels: list[TirExpr | int]) -> list[TirExpr]:
        """Sums of 8 channels, for each pixel of the tile a local buffer."""
        assert isinstance(ctx, ChannelContext)
        o, w = channels[0], self.depthwise.window
        kh, kw = w.kernel
        weights, base = ctx.parameter(self, "weight", self.depthwise.ordered_weights)
        start, parts = ctx.per_channel(self, "bias", self.depthwise.bias, o), parts_of(ctx.width)
        sums = [Sums(ctx, start, parts) for _ in range(ctx.tile)]
        block = base + tirx.floordiv(o, BLOCK) * (kh * kw * WORDS)
        taps_of: dict[int, list[tuple[int, int]]] = {}
        for i, kx in np.ndindex(ctx.tile, kw):
            taps_of.setdefault(i * w.strides[1] + kx * w.dilations[1], []).append((i, kx))
        with ctx.loop(kh) as ky:
            places = [block + (ky * kw + kx) * WORDS for kx in range(kw)]
            taps = [ctx.bind(ctx.vector_at(weights, place, "float32", BLOCK)) for place in places]
            pooled = PooledRow(self, ctx, ky, o + self.pool.offset)
            for column in sorted(taps_of):
                pixel = pooled.pixel(column)
                for i, kx in taps_of[column]:
                    sums[i].add(kx, pixel, taps[kx])
        return [total.together() for total in sums]

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The sums of the pixel at hand."""
        assert isinstance(ctx, ChannelContext)
        return [ctx.bind(ctx.simd.load(ctx.block(self)[ctx.pixel], 0))]


class PooledRow:
    """8 channels of a row's pooled pixels, as a tile of windows reads them, from the left to the right; columns are
    counted from the first window's first one."""

    def __init__(self, e: ChannelPooledDepthwise, ctx: ChannelContext, ky: TirExpr, plane: TirExpr | int) -> None:
        """Of the `ky`-th row of taps, from channel `plane` of the map on."""
        self.ctx, self.plane = ctx, plane
        self.map, self.pooled = e.pool.buffer, e.depthwise.buffer
        self.maximum = ctx.simd.maximum_of_ordered if e.is_ordered else ctx.simd.maximum
        self.count, self.step = e.pool.window.kernel[1], e.pool.window.strides[1]
        self.stride, self.pad = e.depthwise.window.strides[1], e.depthwise.window.pads[1]
        self.columns: dict[int, TirExpr] = {}
        (operand,), find = e.operands(), ctx.find_row
        assert find is not None, "a kernel whose lanes are channels is given addresses"
        numbers = rows_of(e, ctx, ky)
        self.rows = [find(operand, n, 0) for n in numbers]
        start = self.map.layout.at(self.map, plane, ctx.column * (self.stride * self.step))
        self.near = [find(operand, n, start) for n in numbers]
        """The rows from the tile on: a column's place is part of the load, and no register is filled with it."""

    def pixel(self, column: int) -> TirExpr:
        """The largest of a window of the pool; 0 where it is outside."""
        ctx, s = self.ctx, self.ctx.simd
        at, is_left, is_right = self.place(column, 1, self.pooled.width)
        if isinstance(at, int) and (is_left or is_right):
            return s.const(0.0, "float32")
        some = [self.largest(column * self.step + i) for i in range(self.count)]
        value = ctx.bind(reduce(self.maximum, some))
        if isinstance(at, int) or not (is_left or is_right):
            return value
        bounds = [at >= 0] * is_left + [at < self.pooled.width] * is_right
        mask = s.splat(tirx.Select(reduce(tirx.And, bounds), tirx.const(-1, "int32"), tirx.const(0, "int32")))
        return ctx.bind(s.reinterpret(s.reinterpret(value, "int32") & mask, "float32"))

    def largest(self, column: int) -> TirExpr:
        """The largest of a column's rows, once; outside of the map, of which no pooled pixel takes it, the border's."""
        if column not in self.columns:
            at, is_left, is_right = self.place(column, self.step, self.map.width)
            rows, place = self.near, (column - self.pad * self.step) * BLOCK
            if is_left or is_right:
                at = tirx.max(at, 0) if is_left else at
                at = tirx.min(at, self.map.width - 1) if is_right else at
                rows, place = self.rows, self.map.layout.at(self.map, self.plane, at)
            taps = [self.ctx.bind(self.ctx.simd.load(row, place)) for row in rows]
            self.columns[column] = self.ctx.bind(reduce(self.maximum, taps))
        return self.columns[column]

    def place(self, column: int, step: int, width: int) -> tuple[TirExpr | int, bool, bool]:
        """The column of a map so wide of which a pooled column is `step` columns; whether it may be left of it, and
        right of it, in some tile. Of a tile whose place is known, whether it is."""
        ctx, ahead = self.ctx, column - self.pad * step
        at = ctx.column * (self.stride * step) + ahead
        if isinstance(at, int):
            return at, at < 0, at >= width
        return at, ahead < 0, (ctx.width - ctx.tile) * (self.stride * step) + ahead >= width


def rows_of(e: ChannelPooledDepthwise, ctx: ChannelContext, ky: TirExpr) -> list[TirExpr]:
    """The numbers, among the rows that are read, of those of a row of pooled pixels, `ky` rows of taps down. All rows
    of one above or below the map are the one that is outside of the map for sure, its first or its last."""
    w, (height, step) = e.depthwise.window, e.vertical
    y = ctx.bind(ctx.y * w.strides[0] - w.pads[0] + ky * w.dilations[0])
    first = ky * (w.dilations[0] * step)
    last, end = first + (height - 1), e.depthwise.buffer.height
    return [ctx.bind(tirx.Select(y < 0, first, tirx.Select(y >= end, last, first + i))) for i in range(height)]
