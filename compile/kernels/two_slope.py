# SPDX-License-Identifier: Apache-2.0
"""TwoSlope: a slope for either sign, per channel (RPReLU (10), MaxOut, DB Conv (18) are made of it)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import F32
from ..ir.expressions import Expr, Inputs, Pointwise, each, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class TwoSlope(Pointwise):
    """positive*x where x >= 0, else (NaN too) negative*x, per channel."""

    x: Expr
    positive: F32
    negative: F32

    takes_channels: ClassVar[bool] = True

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        return np.where(x >= 0, each(self.positive), each(self.negative)) * x

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The steeper slope's."""
        (x,) = magnitudes.parts
        return np.maximum(each(np.abs(self.positive)), each(np.abs(self.negative))) * x

    def identity(self) -> TwoSlope:
        return replace(self, positive=np.ones_like(self.positive), negative=np.ones_like(self.negative))

    def slots(self, issue: Issue) -> int:
        return issue.words * (2 * issue.integer + 2 * issue.float)

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """A product and a multiply-add."""
        (x,) = parts
        return two_slopes(self, self.positive, self.negative, ctx, o, x, None)


def two_slopes(
    owner: Expr, positive: F32, negative: F32, ctx: Context, o: TirExpr, x: TirExpr, y: TirExpr | None
) -> TirExpr:
    """positive*max(x, 0) + negative*min(x, 0) + y, of which one product is 0: right for any sign of the (finite)
    slopes, for infinities and NaN, and cheaper than to compare and choose a slope."""
    s = ctx.simd
    up, down = ctx.per_channel(owner, "positive", positive, o), ctx.per_channel(owner, "negative", negative, o)
    below, above = s.clamp(x, tirx.min), s.clamp(x, tirx.max)
    return s.fma(up, above, down * below if y is None else s.fma(down, below, y))
