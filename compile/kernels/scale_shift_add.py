# SPDX-License-Identifier: Apache-2.0
"""ScaleShiftAdd: a scale and a shift for each channel, and what is added (BatchNorm and a residual)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import F32
from ..ir.expressions import Expr, Inputs, Pointwise, each, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class ScaleShiftAdd(Pointwise):
    """scale*x + (y + shift), per channel."""

    x: Expr
    y: Expr
    scale: F32
    shift: F32

    takes_channels: ClassVar[bool] = True

    @property
    def is_never_negative_zero(self) -> bool:
        """-0.0 is the sum of two of them alone."""
        return self.y.is_never_negative_zero or not (np.signbit(self.shift) & (self.shift == 0)).any()

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        x, y = inputs.parts
        return x * each(self.scale) + (y + each(self.shift))

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """|scale|*|x| + |y| + |shift|."""
        x, y = magnitudes.parts
        return each(np.abs(self.scale)) * x + y + each(np.abs(self.shift))

    def identity(self) -> ScaleShiftAdd:
        return replace(self, scale=np.ones_like(self.scale), shift=np.zeros_like(self.shift))

    def slots(self, issue: Issue) -> int:
        return 2 * issue.words * issue.float

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """What is loaded takes the shift, so that the multiply-add may overwrite it."""
        x, y = parts
        start = ctx.bind(y + ctx.per_channel(self, "shift", self.shift, o))
        return ctx.simd.fma(x, ctx.per_channel(self, "scale", self.scale, o), start)
