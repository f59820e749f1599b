# SPDX-License-Identifier: Apache-2.0
"""Divide: the quotient of two maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, Pointwise, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class Divide(Pointwise):
    """a / b."""

    a: Expr
    b: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        a, b = inputs.parts
        with np.errstate(divide="ignore", invalid="ignore"):
            return a / b

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """An error of a is divided by b, one of b is multiplied by a / b**2."""
        (a, b), divisor = magnitudes.parts, np.abs(value(self.b))
        with np.errstate(divide="ignore", invalid="ignore"):
            return a / divisor * np.maximum(b / divisor, 1)

    def identity(self) -> Expr | None:
        return None

    def slots(self, issue: Issue) -> int:
        return issue.words * issue.float

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        a, b = parts
        return a / b
