# SPDX-License-Identifier: Apache-2.0
"""Constant: a value a channel."""

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
class Constant(Pointwise):
    """One value a channel."""

    values: F32

    takes_channels: ClassVar[bool] = True

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        return np.broadcast_to(each(self.values), (self.channels, inputs.height, inputs.width))

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.asarray(np.abs(self.reference(magnitudes)))

    def identity(self) -> Constant:
        return replace(self, values=np.zeros_like(self.values))

    def slots(self, issue: Issue) -> int:
        return 0

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        return ctx.addend(self, "values", self.values, o)
