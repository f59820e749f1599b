# SPDX-License-Identifier: Apache-2.0
"""ShuffleChannels: the channels of groups side by side become those of one after the other (ShuffleNet).

out[j groups + i] = in[i (C / groups) + j]       i a group, j a channel of it
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ...targets.cores import Issue
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, kind
from .context import Context


@kind
@dataclass(frozen=True, eq=False)
class ShuffleChannels(Leaf):
    """The map with its channels in another order, from channel `offset` of the result on."""

    buffer: Buffer
    groups: int
    offset: int = 0

    leads: ClassVar[int | None] = 28
    is_square = True
    is_never_negative_zero = False
    work = Work()

    def operands(self) -> tuple[Operand, ...]:
        """Row y."""
        return (Operand(self.buffer),)

    def slice(self, start: int, stop: int) -> ShuffleChannels:
        return replace(self, channels=stop - start, offset=self.offset + start)

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, H, W]."""
        x = inputs.stored[self.buffer.name]
        order = np.arange(len(x)).reshape(self.groups, -1).T.ravel()
        return x[order[self.offset : self.offset + self.channels]]

    def identity(self) -> Expr | None:
        """Itself: the map that it reads is made zero instead."""
        return self

    def slots(self, issue: Issue) -> int:
        """A load from elsewhere."""
        return 0

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """A vector of another plane."""
        (row,), each = ctx.rows(self.operands()[0]), self.buffer.channels // self.groups
        places = [o + self.offset for o in channels]
        planes = [tirx.floormod(o, self.groups) * each + tirx.floordiv(o, self.groups) for o in places]
        return [ctx.load(row, self.buffer, plane, ctx.column) for plane in planes]
