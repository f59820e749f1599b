# SPDX-License-Identifier: Apache-2.0
"""IntegerUpsample: twice the resolution of an int8 map, by halving additions (com.biisnet::IntegerUpsample).

In each direction the pixel itself counts 3/4 and its other neighbour 1/4, the border repeated:
(near + ((near + far) >> 1) + 1) >> 1, rows first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Inputs, Work, kind
from .context import Context
from .integer_sum import ExactLeaf, Extent
from .simd import Simd


@kind
@dataclass(frozen=True, eq=False)
class IntegerUpsample(ExactLeaf):
    """Twice the resolution, int8, from channel `offset` on."""

    buffer: Buffer
    offset: int = 0

    leads: ClassVar[int | None] = 22
    is_square = True
    work = Work()
    lane_order = "even first"

    @property
    def near(self) -> Operand:
        """Row y // 2."""
        return Operand(self.buffer, div=2)

    @property
    def far(self) -> Operand:
        """The row on the other side of the output row: y // 2 - 1, for odd y y // 2 + 1."""
        return Operand(self.buffer, add=-2, div=2, odd=2)

    def operands(self) -> tuple[Operand, ...]:
        """The rows that are blended."""
        return (self.near, self.far)

    def slice(self, start: int, stop: int) -> IntegerUpsample:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int8 [channels, 2H, 2W]."""
        x = inputs.stored[self.buffer.name][self.offset : self.offset + self.channels].astype(np.int32)
        for axis in (1, 2):
            n = x.shape[axis]
            far = (x.take(np.clip(np.arange(n) + d, 0, n - 1), axis) for d in (-1, 1))
            pair = np.stack([(x + ((x + f) >> 1) + 1) >> 1 for f in far], axis + 1)
            x = pair.reshape([2 * n if i == axis else size for i, size in enumerate(x.shape)])
        return x.astype(np.int8)

    def extent(self, *parts: Extent) -> Extent:
        """That of int8: a mean stays within its map's."""
        info = np.iinfo(np.int8)
        return np.full(self.channels, info.min, np.int64), np.full(self.channels, info.max, np.int64)

    def slots(self, issue: Issue) -> int:
        """Two halving additions for the rows of half the columns, and two for each column; neighbours are taken out of
        two vectors."""
        return 3 * issue.integer + issue.interleave // 2

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return [self.emit_channel(ctx, o) for o in channels]

    def emit_channel(self, ctx: Context, o: TirExpr) -> TirExpr:
        """Blend the rows at three neighbouring places, then those."""
        half, place = Simd(max(ctx.simd.lanes // 2, 1)), tirx.floordiv(ctx.column, 2)
        at = self.buffer.layout.at(self.buffer, o + self.offset, place)
        (near,), (far,) = ctx.rows(self.near), ctx.rows(self.far)
        if ctx.core.averages_up and ctx.simd.lanes > 1:
            before, here, after = neighbours(ctx, half, *(ctx.bind(ctx.simd.load(row, at - 1)) for row in (near, far)))
        else:
            before, here, after = (
                ctx.bind(nearer(half, ctx, ctx.bind(half.load(near, at + d)), ctx.bind(half.load(far, at + d))))
                for d in (-1, 0, 1)
            )
        pair = [ctx.bind(nearer(half, ctx, here, side)) for side in (before, after)]
        if ctx.simd.lanes == 1:
            return tirx.Select(tirx.floormod(ctx.column, 2) == 0, *pair)
        if ctx.even_first:
            return half.shuffle(pair, range(ctx.simd.lanes))
        return half.shuffle(pair, [i // 2 + half.lanes * (i % 2) for i in range(ctx.simd.lanes)])


def neighbours(ctx: Context, half: Simd, near: TirExpr, far: TirExpr) -> list[TirExpr]:
    """The blended rows at three neighbouring places, of rows that are read from the first of them on."""
    blended = ctx.bind(nearer(ctx.simd, ctx, near, far))
    return [ctx.bind(half.shuffle([blended], range(d, d + half.lanes))) for d in range(3)]


def nearer(s: Simd, ctx: Context, near: TirExpr, far: TirExpr) -> TirExpr:
    """(near + ((near + far) >> 1) + 1) >> 1 of int8 lanes, in 8 bits, as LLVM knows two halving additions (shadd,
    srhadd): a + b = 2*(a & b) + (a ^ b) = 2*(a | b) - (a ^ b)."""
    if ctx.core.averages_up and s.lanes > 1:
        return nearer_rounding_up(s, ctx, near, far)
    one = s.const(1, "int8")
    mean = ctx.bind((near & far) + tirx.shift_right(near ^ far, one))
    return (near | mean) - tirx.shift_right(near ^ mean, one)


def nearer_rounding_up(s: Simd, ctx: Context, near: TirExpr, far: TirExpr) -> TirExpr:
    """The same by means of bytes without a sign that round up: of x + 128, and where a mean rounds down of 127 - x,
    which LLVM must not see: it would round down itself, in five instructions."""
    down = [s.reinterpret(ctx.fenced(x ^ s.const(127, "int8"), s), "uint8") for x in (near, far)]
    mean = ctx.fenced(s.reinterpret(rounded_up(s, *down), "int8"), s) ^ s.const(127, "int8")
    up = [ctx.bind(s.reinterpret(x, "uint8") ^ s.const(128, "uint8")) for x in (near, ctx.bind(mean))]
    return s.reinterpret(rounded_up(s, *up) ^ s.const(128, "uint8"), "int8")


def rounded_up(s: Simd, a: TirExpr, b: TirExpr) -> TirExpr:
    """(a + b + 1) >> 1 of uint8 lanes."""
    return (a | b) - s.shift_right(a ^ b, 1, "uint8")
