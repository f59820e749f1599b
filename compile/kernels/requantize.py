# SPDX-License-Identifier: Apache-2.0
"""Requantize: a sum shifted down, rounded down and saturated to what a map stores (com.biisnet::Requantize)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, each, kind
from .byte_pairs import in_pair_order, narrowed, takes_pairs
from .context import Context
from .integer_sum import I64, Exact, Extent, Summand


@kind
@dataclass(frozen=True, eq=False)
class Requantize(Exact):
    """saturate((x + bias) >> shift) to `bits` bits; bias int16 [C]. x + bias fits int16 (`sum_extent`)."""

    x: Expr
    bias: npt.NDArray[np.int16]
    shift: int
    bits: int = 8

    @property
    def element(self) -> str:
        """The type of the result."""
        return f"int{self.bits}"

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """int8 or int16."""
        v = (inputs.parts[0].astype(np.int64) + each(self.bias)) >> self.shift
        info = np.iinfo(self.element)
        return np.clip(v, info.min, info.max).astype(self.element)

    def sum_extent(self, *parts: Extent) -> Extent:
        """The extent of what is shifted."""
        low, high = parts[0]
        return low + self.bias, high + self.bias

    def extent(self, *parts: Extent) -> Extent:
        """The extent of the result."""
        info = np.iinfo(self.element)
        low, high = (np.clip(v >> self.shift, info.min, info.max) for v in self.sum_extent(*parts))
        return low, high

    def slots(self, issue: Issue) -> int:
        """A narrowing shift for each half of the lanes."""
        return 2 * issue.integer

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The sum on top of the bias."""
        if not isinstance(self.x, Summand):
            return super().emit(ctx, channels)
        excess = self.x.pair_excess() if self.bits == 8 and takes_pairs(ctx) else None
        with in_pair_order(ctx, excess is not None):
            totals = self.x.add_to_all(ctx, channels, [self.start(ctx, o, excess) for o in channels])
        return [self.narrow(ctx, t) if excess is None else narrowed(ctx, t, self.shift) for t in totals]

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        (x,) = parts
        return self.narrow(ctx, ctx.bind(self.start(ctx, o) + x))

    def start(self, ctx: Context, o: TirExpr, excess: I64 | None = None) -> TirExpr:
        """The bias less what the sum is too large by, loaded for every lane: to move it would take a vector slot."""
        if excess is None:
            return ctx.bind(ctx.bias(self, self.bias, o))
        return ctx.bind(ctx.bias(self, (self.bias - excess).astype(np.uint16).view(np.int16), o, "bias of pairs"))

    def narrow(self, ctx: Context, total: TirExpr) -> TirExpr:
        """Shifted down and saturated (sqshrn); 16 bits hold all of it."""
        if self.bits == 8:
            return ctx.narrow(total, self.shift)
        return ctx.simd.shift_right(total, self.shift, "int16") if self.shift else total
