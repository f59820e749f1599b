# SPDX-License-Identifier: Apache-2.0
"""Zero: nothing, in values of any type (for stages that only give a map its place)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Inputs, kind
from .context import Context
from .integer_sum import Exact, Extent


@kind
@dataclass(frozen=True, eq=False)
class Zero(Exact):
    """0 in every channel, of `element`."""

    element: str

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        return np.zeros((self.channels, inputs.height, inputs.width), self.element)

    def extent(self, *parts: Extent) -> Extent:
        return np.zeros(self.channels, np.int64), np.zeros(self.channels, np.int64)

    def slots(self, issue: Issue) -> int:
        return 0

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        return ctx.simd.const(0, self.element)
