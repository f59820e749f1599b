# SPDX-License-Identifier: Apache-2.0
"""TwoSlopeAdd: a slope for either sign, and what is added to it."""

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
from .two_slope import two_slopes


@kind
@dataclass(frozen=True, eq=False)
class TwoSlopeAdd(Pointwise):
    """TwoSlope of x, plus y."""

    x: Expr
    y: Expr
    positive: F32
    negative: F32

    takes_channels: ClassVar[bool] = True

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        x, y = inputs.parts
        return np.where(x >= 0, each(self.positive), each(self.negative)) * x + y

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The steeper slope's, and y's."""
        x, y = magnitudes.parts
        return np.maximum(each(np.abs(self.positive)), each(np.abs(self.negative))) * x + y

    def identity(self) -> TwoSlopeAdd:
        return replace(self, positive=np.ones_like(self.positive), negative=np.ones_like(self.negative))

    def slots(self, issue: Issue) -> int:
        return issue.words * (2 * issue.integer + 2 * issue.float)

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        """Two multiply-adds."""
        x, y = parts
        return two_slopes(self, self.positive, self.negative, ctx, o, x, y)
