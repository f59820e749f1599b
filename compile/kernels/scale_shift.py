# SPDX-License-Identifier: Apache-2.0
"""ScaleShift: a scale and a shift for each channel (BatchNorm, ReDistribution (11), and what is left of others)."""

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
class ScaleShift(Pointwise):
    """scale*x + shift, per channel."""

    x: Expr
    scale: F32
    shift: F32

    takes_channels: ClassVar[bool] = True

    @property
    def is_never_negative_zero(self) -> bool:
        return not (np.signbit(self.shift) & (self.shift == 0)).any()

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        return x * each(self.scale) + each(self.shift)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """|scale|*|x| + |shift|."""
        (x,) = magnitudes.parts
        return each(np.abs(self.scale)) * x + each(np.abs(self.shift))

    def identity(self) -> ScaleShift:
        return replace(self, scale=np.ones_like(self.scale), shift=np.zeros_like(self.shift))

    def slots(self, issue: Issue) -> int:
        return issue.words * issue.float

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """One fused multiply-add."""
        (x,) = parts
        return ctx.simd.fma(x, ctx.per_channel(self, "scale", self.scale, o), ctx.addend(self, "shift", self.shift, o))
