# SPDX-License-Identifier: Apache-2.0
"""SquareRoot, rounded once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, Pointwise, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class SquareRoot(Pointwise):
    """The square root; NaN of what is below 0."""

    x: Expr

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """An error d of x gives d / sqrt(x), and never more than sqrt(d)."""
        x, (size,) = value(self.x), magnitudes.parts
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(x > 0, size / np.sqrt(x), np.sqrt(size))

    def identity(self) -> Expr | None:
        return None

    def slots(self, issue: Issue) -> int:
        return issue.words * issue.float

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        (x,) = parts
        return tirx.call_llvm_pure_intrin(PrimType(ctx.simd.dtype("float32")), "llvm.sqrt", x)
