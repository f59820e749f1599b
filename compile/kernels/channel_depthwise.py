# SPDX-License-Identifier: Apache-2.0
"""ChannelDepthwise: a depthwise convolution, of a channel each from that channel, by vectors of channels.

A tap is 8 neighbouring channels of a pixel, by 8 weights that all pixels of a tile share; strides and dilations are
only a matter of where pixels lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr

from ..ir.expressions import kind
from ..storage.encoding import BLOCK
from .channel_context import ChannelContext, as_words
from .channel_convolution import WORDS, Sums, columns_of, parts_of
from .context import Context
from .convolution import Convolution

UNROLLED = 8
"""Columns of a window that are no loop."""


@kind
@dataclass(frozen=True, eq=False)
class ChannelDepthwise(Convolution):
    """Convolution of as many groups as channels, over an interleaved map."""

    leads: ClassVar[int | None] = 14
    has_channel_lanes: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True

    def ordered_weights(self) -> npt.NDArray[np.int16]:
        """[blocks of 8 channels][rows][columns][8], as words."""
        kh, kw = self.window.kernel
        return as_words(self.weight.reshape(-1, BLOCK, kh, kw).transpose(0, 2, 3, 1))

    def begin_block(self, ctx: Context, channels: list[TirExpr | int]) -> list[TirExpr]:
        """Sums of 8 channels, for each pixel of the tile a local buffer."""
        assert isinstance(ctx, ChannelContext)
        o, (kh, kw) = channels[0], self.window.kernel
        weights, base = ctx.parameter(self, "weight", self.ordered_weights)
        parts = parts_of(ctx.width)
        sums = [Sums(ctx, ctx.per_channel(self, "bias", self.bias, o), parts) for _ in range(ctx.tile)]
        block = base + tirx.floordiv(o, BLOCK) * (kh * kw * WORDS)
        with ctx.each_row(self.operands()[0]) as rows:
            for ky, row in rows:
                for kx in columns_of(ctx, self.window, UNROLLED):
                    at = block + (ky * kw + kx) * WORDS
                    tap = ctx.bind(ctx.vector_at(weights, at, "float32", BLOCK))
                    for i, total in enumerate(sums):
                        total.add(
                            kx if isinstance(kx, int) else 0, ctx.tap(row, self.buffer, o, self.window, i, kx), tap
                        )
        return [total.together() for total in sums]

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The sums of the pixel at hand."""
        assert isinstance(ctx, ChannelContext)
        return [ctx.bind(ctx.simd.load(ctx.block(self)[ctx.pixel], 0))]
