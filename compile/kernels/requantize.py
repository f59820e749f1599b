# SPDX-License-Identifier: Apache-2.0
"""Requantize: a sum shifted down, rounded down and saturated to what a map stores (com.biisnet::Requantize)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, each, kind
from .add import Add
from .context import Context
from .integer_sum import Exact, Extent, Summand


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
        """The sum's terms in turn, each on top of those before it."""
        totals = [self.start(ctx, o) for o in channels]
        for term in terms(self.x):
            if isinstance(term, Summand):
                totals = term.add_to_all(ctx, channels, totals)
            else:
                totals = [ctx.bind(t + v) for t, v in zip(totals, ctx.emit(term, channels), strict=True)]
        return [self.narrow(ctx, t) for t in totals]

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        (x,) = parts
        return self.narrow(ctx, ctx.bind(self.start(ctx, o) + x))

    def start(self, ctx: Context, o: TirExpr) -> TirExpr:
        """The bias, loaded for every lane: to move it would take a vector slot."""
        return ctx.bind(ctx.bias(self, self.bias, o))

    def narrow(self, ctx: Context, total: TirExpr) -> TirExpr:
        """Shifted down and saturated (sqshrn)."""
        s = ctx.simd
        if self.bits == 16:
            return total
        info = np.iinfo(self.element)
        low, high = (s.const(int(v), "int16") for v in (info.min, info.max))
        shifted = tirx.shift_right(total, s.const(self.shift, "int16"))
        return s.cast(tirx.max(tirx.min(shifted, high), low), "int8")


def terms(e: Expr) -> list[Expr]:
    """The parts of a sum, in the order that they are added."""
    return [*terms(e.a), *terms(e.b)] if isinstance(e, Add) else [e]
