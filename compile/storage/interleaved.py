# SPDX-License-Identifier: Apache-2.0
"""Interleaved: a layout whose vectors are of channels: planes of one pixel lie side by side.

Bits are interleaved whole, [row][left, columns, right][C / 8]: the window of a convolution is a few runs of bytes, read
where they lie. Of numbers 8 planes are, [row][C / 8][columns][8]: a byte of bits, and the channels of a kernel's block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .layout import Array, Layout, round_up

if TYPE_CHECKING:
    from ..ir.buffers import Buffer

ZEROED = (16, 8, 4, 2, 1)
"""Elements that one store makes zero."""


@dataclass(frozen=True)
class Interleaved(Layout):
    """[row][planes / block][left, columns, right][block].

    Left and right are zeros, or the border repeated, for windows that look there. Columns are whole vectors of `lanes`
    where kernels whose lanes are pixels read or write the map.
    """

    block: int | None = None
    """Planes that are interleaved; None: all."""
    vectors_of = "channels"
    left: int = 0
    right: int = 0
    lanes: int = 1
    edge: bool = False
    """Whether the columns left and right are the border's; of numbers."""

    @property
    def is_padded(self) -> bool:
        return self.lanes > 1

    def block_of(self, b: Buffer) -> int:
        """Planes that lie side by side."""
        return self.block or b.planes

    def columns(self, b: Buffer) -> int:
        """Columns of a row with those left and right of it."""
        return self.left + max(b.width + self.right, round_up(b.width, self.lanes))

    def row_bytes(self, b: Buffer) -> int:
        return b.planes * self.columns(b) * b.encoding.itemsize

    def map_bytes(self, b: Buffer) -> int:
        return self.row_bytes(b) * b.height

    def at(self, b: Buffer, plane: Any, column: Any, dx: Any = 0) -> Any:
        block = self.block_of(b)
        inside = (column + (self.left + dx)) * block
        if block == b.planes:
            return inside + plane
        return plane // block * (self.columns(b) * block) + inside + plane % block

    def strides(self, b: Buffer) -> tuple[int, int]:
        return self.block_of(b), 1

    def to_memory(self, b: Buffer, planes: Array) -> npt.NDArray[Any]:
        block = self.block_of(b)
        memory = np.zeros((b.height, b.planes // block, self.columns(b), block), planes.dtype)
        blocks = planes.reshape(-1, block, b.height, b.width)
        memory[:, :, self.left : self.left + b.width] = blocks.transpose(2, 0, 3, 1)
        if self.edge:
            memory[:, :, : self.left] = memory[:, :, self.left, None]
            end = self.left + b.width
            memory[:, :, end : end + self.right] = memory[:, :, end - 1, None]
        return memory.ravel()

    def from_memory(self, b: Buffer, memory: bytes) -> Array:
        block = self.block_of(b)
        rows = np.frombuffer(memory, b.encoding.element).reshape(b.height, b.planes // block, self.columns(b), block)
        planes: Array = rows[:, :, self.left : self.left + b.width].transpose(1, 3, 0, 2)
        return planes.reshape(b.planes, b.height, b.width)

    def defined(self, b: Buffer) -> npt.NDArray[np.bool_]:
        block = self.block_of(b)
        known = np.zeros((b.height, b.planes // block, self.columns(b), block), bool)
        known[:, :, : self.left + b.width + self.right] = True
        return known.ravel()

    def emit_margins(self, b: Buffer, row: Any, ctx: Any) -> None:
        """Columns left and right of each block's."""
        if not self.left and not self.right:
            return
        block = self.block_of(b)
        stride, end = self.columns(b) * block, self.left + b.width
        with ctx.loop(b.planes // block) as n:
            for first, count, border in ((0, self.left, self.left), (end, self.right, end - 1)):
                if self.edge:
                    ctx.repeat(row, n * stride + first * block, count, n * stride + border * block, block)
                    continue
                at, left = n * stride + first * block, count * block
                for size in ZEROED:
                    while left >= size:
                        ctx.store_zeros(row, b.encoding.element, at, size)
                        at, left = at + size, left - size
