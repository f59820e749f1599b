# SPDX-License-Identifier: Apache-2.0
"""ChannelPlanes: encodings of a plane a channel, each value in an element of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .encoding import Array, Encoding

if TYPE_CHECKING:
    from ...targets.cores import Issue
    from ..ir.buffers import Buffer
    from ..ir.expressions import Expr


@dataclass(frozen=True, eq=False)
class ChannelPlanes(Encoding):
    """A plane a channel; values are stored as they come, or as `stored` makes them."""

    def planes(self, channels: int) -> int:
        return channels

    def plane(self, channels: int, channel: Any) -> Any:
        return channel

    def cuts(self, channels: int) -> set[int]:
        return set()

    def joins(self, channels: int, channel: int) -> bool:
        return True

    def unpack(self, planes: Array, channels: int) -> Array:
        return np.array(planes)

    def silence(self, stored: Array) -> Array:
        return np.zeros_like(stored)

    def slots(self, result: Expr, issue: Issue) -> int:
        return 0

    def begin(self, ctx: Any) -> Any:
        return None

    def stored(self, ctx: Any, value: Any) -> Any:
        """TIR of the elements that hold a channel's values."""
        return value

    def store(
        self,
        ctx: Any,
        buffer: Buffer,
        row: Any,
        result: Expr,
        channels: Sequence[Any],
        values: Sequence[Any],
        begun: Any,
    ) -> None:
        for channel, value in zip(channels, values, strict=True):
            ctx.store_columns(row, buffer, channel, self.stored(ctx, value))

    def finish(self, ctx: Any, buffer: Buffer, row: Any, first: int, length: int, ahead: Any, begun: Any) -> None:
        """All is stored."""

    def store_pixel(self, ctx: Any, buffer: Buffer, row: Any, result: Expr, first: Any, value: Any) -> Any:
        ctx.store_columns(row, buffer, first, self.stored(ctx, value))

    def finish_pixels(self, ctx: Any, buffer: Buffer, row: Any, first: Any, kept: Sequence[Any]) -> None:
        """All is stored."""
