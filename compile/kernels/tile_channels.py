# SPDX-License-Identifier: Apache-2.0
"""TileChannels: a map's channels several times in a row, as where a map is concatenated with itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, kind
from .context import Context
from .integer_sum import Exact, Extent


@kind
@dataclass(frozen=True, eq=False)
class TileChannels(Exact):
    """Channel o is x's channel (`offset` + o) modulo those of x."""

    x: Expr
    offset: int = 0

    def slice(self, start: int, stop: int) -> Expr:
        return TileChannels(stop - start, self.x, self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        (x,) = inputs.parts
        return np.asarray(x[(self.offset + np.arange(self.channels)) % len(x)])

    def extent(self, *parts: Extent) -> Extent:
        low, high = (v[(self.offset + np.arange(self.channels)) % len(v)] for v in parts[0])
        return low, high

    def slots(self, issue: Issue) -> int:
        return 0

    def part_channels(self, channels: list[TirExpr]) -> list[TirExpr]:
        return [tirx.floormod(o + self.offset, self.x.channels) for o in channels]

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        return parts[0]
