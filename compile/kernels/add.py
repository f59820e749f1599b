# SPDX-License-Identifier: Apache-2.0
"""Add: the sum of two maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, Pointwise, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class Add(Pointwise):
    """a + b."""

    a: Expr
    b: Expr

    takes_channels: ClassVar[bool] = True

    @property
    def is_never_negative_zero(self) -> bool:
        """-0.0 is the sum of two of them alone."""
        return self.a.is_never_negative_zero or self.b.is_never_negative_zero

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        a, b = inputs.parts
        return a + b

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return self.reference(magnitudes)

    def identity(self) -> Add:
        return self

    def slots(self, issue: Issue) -> int:
        return issue.words * issue.float

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        a, b = parts
        return a + b
