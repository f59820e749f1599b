# SPDX-License-Identifier: Apache-2.0
"""Multiply: the product of two maps, as attention and gates have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, Pointwise, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class Multiply(Pointwise):
    """a * b."""

    a: Expr
    b: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        a, b = inputs.parts
        return a * b

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """|a| |b|: an error of either is multiplied by the other."""
        return self.reference(magnitudes)

    def identity(self) -> Multiply:
        """Itself: a map that an accumulator is multiplied by is made 1 (verification/accumulators.py)."""
        return self

    def slots(self, issue: Issue) -> int:
        return issue.words * issue.float

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        a, b = parts
        return a * b
