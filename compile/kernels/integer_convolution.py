# SPDX-License-Identifier: Apache-2.0
"""IntegerConvolution: int8 weights over an int8 map (the embedding; ONNX's ConvInteger)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Inputs, Work, kind
from ..ir.window import Window
from .border_table import under_padding
from .context import Context, place_class
from .integer_sum import ExactLeaf, Extent, Summand, constant, multiply_add
from .taps import grouped_sum, window_operand, windows


@kind
@dataclass(frozen=True, eq=False)
class IntegerConvolution(ExactLeaf, Summand):
    """Sum of weight*(x - zero_point) with x = zero_point outside of the map, in int16 that wraps; weight int8
    [channels, c, kh, kw], `zero_point` as the map stores it."""

    buffer: Buffer
    weight: npt.NDArray[np.int8]
    window: Window
    zero_point: int

    leads: ClassVar[int | None] = 12

    @property
    def is_square(self) -> bool:
        return self.window.is_square

    @property
    def work(self) -> Work:
        return Work(full=self.weight.size)

    def operands(self) -> tuple[Operand, ...]:
        """The window's rows; a row outside is zero."""
        return (window_operand(self.buffer, self.window),)

    def slice(self, start: int, stop: int) -> IntegerConvolution:
        return replace(self, channels=stop - start, weight=self.weight[start:stop])

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int32 [channels, H', W']."""
        x = inputs.stored[self.buffer.name].astype(np.int64) - self.zero_point
        return grouped_sum(windows(x, self.window), self.weight.astype(np.int64), 1).astype(np.int32)

    def extent(self, *parts: Extent) -> Extent:
        """Each tap at the end that is worse."""
        info, w = np.iinfo(np.int8), self.weight.astype(np.int64).reshape(self.channels, -1)
        ends = np.stack([w * (info.min - self.zero_point), w * (info.max - self.zero_point), 0 * w])
        return ends.min(0).sum(1), ends.max(0).sum(1)

    def slots(self, issue: Issue) -> int:
        """Two multiply-adds a tap."""
        return 2 * issue.integer * int(self.weight[0].size)

    def prepare(self, ctx: Context) -> Any:
        """What the sum starts from: minus `zero_point` times the weights, but of the taps that read zeros outside."""
        taps = self.weight.astype(np.int64).sum(1)

        def start(under: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            begun: npt.NDArray[np.int64] = self.zero_point * (under - taps.sum((1, 2))[None, :, None, None])
            return begun

        table = under_padding(taps, self.window, self.buffer, (ctx.height, ctx.width), ctx.vector.lanes, start)
        return table, ctx.bind(place_class(ctx.y, *table.row_ends, ctx.height))

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        return self.add_to_all(ctx, channels, [None] * len(channels))

    def add_to_all(self, ctx: Context, channels: list[TirExpr], totals: list[TirExpr | None]) -> list[TirExpr]:
        """One tap after the other, whose pixels are loaded once for all of the channels."""
        table, row_class = ctx.prepared(self)
        strips, base = ctx.parameter(self, "start", lambda: table.strips.astype(np.int16))
        sums = []
        for o, total in zip(channels, totals, strict=True):
            place = base + (row_class * len(self.weight) + o) * table.strips.shape[2]
            start = table.load(ctx, strips, place)
            sums.append(start if total is None else ctx.bind(total + start))
        rows, (_, inputs, kh, kw) = ctx.rows(self.operands()[0]), self.weight.shape
        for c, ky, kx in np.ndindex(inputs, kh, kw):
            x = ctx.load_tap(rows[ky], self.buffer, int(c), self.window, int(kx))
            for n, o in enumerate(channels):
                weight = constant(ctx, self, "weight", self.weight, (o * inputs + c) * (kh * kw) + ky * kw + kx)
                sums[n] = multiply_add(ctx, sums[n], x, weight)
        return sums
