# SPDX-License-Identifier: Apache-2.0
"""HingeAdd: RPReLU (10) of an integer accumulator as two multiply-adds of it, and what is added."""

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
from .binary_dot import BinaryDot
from .context import Context

CENTRE = 1 / 32
"""A share of the tolerance of 1e-5, five times float32's rounding: a hinge rounds what cancels at most so often."""


@kind
@dataclass(frozen=True, eq=False)
class HingeAdd(Pointwise):
    """slope*x + bend*max(x, knee) + y, per channel; x is a BinaryDot with a centre, knee in the range of its results,
    and bend not -0.0 (so that the result never is)."""

    x: Expr
    y: Expr
    slope: F32
    bend: F32
    knee: F32

    takes_channels: ClassVar[bool] = True
    is_never_negative_zero = True

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """Computed in float64."""
        x, y = inputs.parts
        slope, bend, knee = (each(a).astype(np.float64) for a in (self.slope, self.bend, self.knee))
        return (bend * np.maximum(x, knee) + (slope * x + y)).astype(y.dtype)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """|slope|*|d| + |bend|*max(|d|, |knee - c|) + |y + (slope + bend)*c|, with d = x - c the accumulator, whose
        centre c comes and goes within the hinge; and a small share of what is rounded although it cancels,
        (|slope| + |bend|)*c, which in wide layers is far above d."""
        assert isinstance(self.x, BinaryDot)
        slope, bend, knee = (each(a) for a in (self.slope, self.bend, self.knee))
        d = np.abs(value(self.x) - self.x.centre)
        bent = np.abs(slope) * d + np.abs(bend) * np.maximum(d, np.abs(knee - self.x.centre))
        cancelled = (np.abs(slope) + np.abs(bend)) * self.x.centre
        bound: npt.NDArray[Any] = bent + np.abs(value(self.y) + (slope + bend) * self.x.centre) + CENTRE * cancelled
        return bound

    def identity(self) -> HingeAdd:
        return replace(self, slope=np.ones_like(self.slope), bend=np.zeros_like(self.bend))

    def slots(self, issue: Issue) -> int:
        return issue.words * (issue.integer + 2 * issue.float)

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """Two multiply-adds; x and knee are of one sign and so compared as integers, which costs half."""
        (x, y), s = parts, ctx.simd
        slope, bend, knee = (ctx.per_channel(self, name, getattr(self, name), o) for name in ("slope", "bend", "knee"))
        above = s.reinterpret(tirx.max(s.reinterpret(x, "int32"), s.reinterpret(knee, "int32")), "float32")
        return s.fma(bend, above, s.fma(slope, x, y))
