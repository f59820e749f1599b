# SPDX-License-Identifier: Apache-2.0
"""RepeatChannels: each channel several times over (a sum of activations that all of a group's outputs need)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.expressions import Expr, Inputs, Pointwise, kind, not_sliceable
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class RepeatChannels(Pointwise):
    """Each channel of x repeated: channel o is x's channel o // (channels / x.channels)."""

    x: Expr

    @property
    def times(self) -> int:
        """Channels that become of one."""
        return self.channels // self.x.channels

    def slice(self, start: int, stop: int) -> Expr:
        raise not_sliceable(self)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        return np.repeat(inputs.parts[0], self.times, axis=0)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return self.reference(magnitudes)

    def identity(self) -> RepeatChannels:
        return self

    def slots(self, issue: Issue) -> int:
        return 0

    def part_channels(self, channels: list[TirExpr]) -> list[TirExpr]:
        return [tirx.floordiv(o, self.times) for o in channels]

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        return parts[0]
