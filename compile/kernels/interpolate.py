# SPDX-License-Identifier: Apache-2.0
"""Interpolate: 4 or 8 times the resolution, linear with half-pixel centres, the border repeated.

    out[f i + r]  =  (1 - w) in[i + d] + w in[i + d + 1]
    w = ((r - f/2) mod f + 1/2) / f,   d = -1 where r < f/2, else 0

in each direction. Twice the resolution is Upsample's, by smaller weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind
from .context import Context
from .simd import Simd


@kind
@dataclass(frozen=True, eq=False)
class Interpolate(Leaf):
    """`factor` times the resolution, from channel `offset` on."""

    buffer: Buffer
    factor: int
    offset: int = 0

    leads: ClassVar[int | None] = 24
    is_square = True
    is_never_negative_zero = False
    work = Work()

    def operands(self) -> tuple[Operand, ...]:
        """The rows on both sides of the output row's centre."""
        return (Operand(self.buffer, add=-self.factor // 2, div=self.factor, count=2),)

    def slice(self, start: int, stop: int) -> Interpolate:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def weight(self, r: int) -> float:
        """The share of the further one of two neighbours in output r of a pixel's."""
        return ((r - self.factor // 2) % self.factor + 0.5) / self.factor

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, f H, f W], computed in float64."""
        x = inputs.stored[self.buffer.name][self.offset : self.offset + self.channels].astype(np.float64)
        f = self.factor
        for axis in (1, 2):
            n = x.shape[axis]
            place = np.arange(f * n)
            first = (place - f // 2) // f
            w = np.array([self.weight(int(r)) for r in place % f]).reshape((-1, 1) if axis == 1 else (-1,))
            low, high = (x.take(np.clip(first + d, 0, n - 1), axis) for d in (0, 1))
            x = low * (1 - w) + high * w
        return x.astype(np.float32)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return self.reference(magnitudes)

    def identity(self) -> Interpolate:
        """Itself: the map that it reads is made zero instead."""
        return self

    def slots(self, issue: Issue) -> int:
        """Three places of two rows for so many columns, then two products a vector, interleaved."""
        rows = 2 * 3 * issue.words * issue.float // self.factor
        return rows + issue.words * (2 * issue.float + issue.interleave * (self.factor.bit_length() - 1))

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return [self.emit_channel(ctx, o) for o in channels]

    def emit_channel(self, ctx: Context, o: TirExpr) -> TirExpr:
        """Blend the rows at three neighbouring places, then those for each column of a pixel, and interleave."""
        f, lanes = self.factor, ctx.simd.lanes
        part = Simd(max(lanes // f, 1))
        upper, lower = ctx.rows(self.operands()[0])
        at = self.buffer.layout.at(self.buffer, o + self.offset, tirx.floordiv(ctx.column, f))
        down = tirx.Cast("float32", 2 * tirx.floormod(ctx.y + f // 2, f) + 1) * tirx.const(1 / (2 * f), "float32")
        up = tirx.const(1.0, "float32") - down
        share, rest = (ctx.bind(part.splat(ctx.bind(weight))) for weight in (down, up))
        places = [
            ctx.bind(part.fma(part.load(lower, at + d), share, part.load(upper, at + d) * rest)) for d in (-1, 0, 1)
        ]

        def column(r: int) -> TirExpr:
            low, high = places[:2] if r < f // 2 else places[1:]
            w = self.weight(r)
            return ctx.bind(part.fma(high, part.const(w, "float32"), low * part.const(1 - w, "float32")))

        columns = [column(r) for r in range(f)]
        if lanes == 1:
            chosen = columns[-1]
            for r in range(f - 1):
                chosen = tirx.Select(tirx.floormod(ctx.column, f) == r, columns[r], chosen)
            return chosen
        return part.shuffle(columns, [i // f + i % f * part.lanes for i in range(lanes)])
