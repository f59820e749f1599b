# SPDX-License-Identifier: Apache-2.0
"""Clamp: bounds for each channel."""

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
class Clamp(Pointwise):
    """lower where x < lower, upper where x > upper, else (NaN too) x; per channel."""

    x: Expr
    lower: F32
    upper: F32

    takes_channels: ClassVar[bool] = True

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        return np.clip(x, each(self.lower), each(self.upper))

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Of a bound that is none, that of the value."""
        (x,) = magnitudes.parts
        finite = (np.where(np.isfinite(bound), np.abs(bound), 0) for bound in (self.lower, self.upper))
        return np.maximum(x, np.maximum(*map(each, finite)))

    def identity(self) -> Clamp:
        most = np.full_like(self.lower, np.finfo(np.float32).max)
        return replace(self, lower=-most, upper=self.upper if self.is_open else most)

    @property
    def is_open(self) -> bool:
        """Whether nothing is too large."""
        return bool((self.upper == np.inf).all())

    def slots(self, issue: Issue) -> int:
        """Two comparisons and two selections; a maximum where there is one bound."""
        return issue.words * (issue.float if self.is_open else 2 * (issue.float + issue.integer))

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """Two comparisons, each false for NaN; or a maximum, which is NaN where one is."""
        (x,), s = parts, ctx.simd
        if self.is_open:
            return s.maximum(x, ctx.per_channel(self, "lower", self.lower, o))
        lower, upper = (ctx.per_channel(self, name, getattr(self, name), o) for name in ("lower", "upper"))
        return s.select(x > upper, upper, s.select(x < lower, lower, x))
