# SPDX-License-Identifier: Apache-2.0
"""Layout: where element (row, plane, column) of a map lies. The one place with address formulas.

A kernel's vector is of neighbouring columns of one plane, or of neighbouring planes at one column: lanes are pixels, or
channels. Either takes any layout, `strides` apart; in the layout that is made for it they lie side by side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..ir.buffers import Buffer

Array = npt.NDArray[Any]
Margin = Literal["none", "zero", "edge"]


def round_up(n: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `n`."""
    return -(-n // multiple) * multiple


@dataclass(frozen=True)
class Layout(ABC):
    """The memory of a map. Columns and planes may be TIR; sizes are in bytes, places in elements."""

    vectors_of: ClassVar[str] = "pixels"
    """Elements that lie side by side."""

    @property
    @abstractmethod
    def is_padded(self) -> bool:
        """Whether whole vectors may go beyond a row's end."""

    @abstractmethod
    def row_bytes(self, b: Buffer) -> int:
        """Bytes from one row to the next."""

    @abstractmethod
    def map_bytes(self, b: Buffer) -> int:
        """Bytes of the whole map."""

    @abstractmethod
    def at(self, b: Buffer, plane: Any, column: Any, dx: Any = 0) -> Any:
        """The place of a plane's column + `dx`, from the start of the row that a kernel is given."""

    @abstractmethod
    def strides(self, b: Buffer) -> tuple[int, int]:
        """Elements from a column to the next, and from a plane to the next one of its block."""

    @abstractmethod
    def to_memory(self, b: Buffer, planes: Array) -> npt.NDArray[Any]:
        """The map's memory, flat, of planes [planes, H, W]."""

    @abstractmethod
    def from_memory(self, b: Buffer, memory: bytes) -> Array:
        """Planes [planes, H, W] of the map's memory."""

    @abstractmethod
    def defined(self, b: Buffer) -> npt.NDArray[np.bool_]:
        """The elements of the memory, flat, that have a meaning: all but those past a row's end and its margin."""

    @abstractmethod
    def emit_margins(self, b: Buffer, row: Any, ctx: Any) -> None:
        """TIR that fills what windows read left and right of a row."""


@dataclass(frozen=True)
class Planes(Layout):
    """[row][plane][margin, columns, margin], columns padded to whole vectors.

    A row that a window reads has a vector of margin left and right: zeros, or the border repeated.
    """

    margin: Margin = "none"
    lanes: int = 16

    is_padded = True

    @property
    def origin(self) -> int:
        """Elements before column 0 of a plane."""
        return 0 if self.margin == "none" else self.lanes

    def plane_stride(self, b: Buffer) -> int:
        """Elements from one plane to the next."""
        return round_up(b.width, self.lanes) + 2 * self.origin

    def row_bytes(self, b: Buffer) -> int:
        return b.planes * self.plane_stride(b) * b.encoding.itemsize

    def map_bytes(self, b: Buffer) -> int:
        return self.row_bytes(b) * b.height

    def at(self, b: Buffer, plane: Any, column: Any, dx: Any = 0) -> Any:
        return plane * self.plane_stride(b) + (self.origin + dx) + column

    def strides(self, b: Buffer) -> tuple[int, int]:
        return 1, self.plane_stride(b)

    def to_memory(self, b: Buffer, planes: Array) -> npt.NDArray[Any]:
        memory = np.zeros((b.height, b.planes, self.plane_stride(b)), planes.dtype)
        memory[:, :, self.origin : self.origin + b.width] = planes.transpose(1, 0, 2)
        if self.margin == "edge":
            memory[:, :, : self.origin] = memory[:, :, self.origin, None]
            memory[:, :, self.origin + b.width :] = memory[:, :, self.origin + b.width - 1, None]
        return memory.ravel()

    def from_memory(self, b: Buffer, memory: bytes) -> Array:
        rows = np.frombuffer(memory, b.encoding.element).reshape(b.height, b.planes, self.plane_stride(b))
        planes: Array = rows[:, :, self.origin : self.origin + b.width].transpose(1, 0, 2)
        return planes

    def defined(self, b: Buffer) -> npt.NDArray[np.bool_]:
        known = np.zeros((b.height, b.planes, self.plane_stride(b)), bool)
        known[:, :, : b.width + 2 * self.origin] = True
        return known.ravel()

    def emit_margins(self, b: Buffer, row: Any, ctx: Any) -> None:
        """The lanes past the last column are overwritten too."""
        if self.margin == "none":
            return
        s = ctx.vector
        with ctx.loop(b.planes) as plane:
            start = plane * self.plane_stride(b)
            end = start + self.origin + b.width
            for at, edge in ((start, start + self.origin), (end, end - 1)):
                zero = self.margin == "zero"
                value = s.const(0, b.encoding.element) if zero else s.splat(ctx.bind(row[edge]))
                s.store(row, value, at)


@dataclass(frozen=True)
class Dense(Layout):
    """[plane][row][column] without any padding: the user's own tensors. A kernel is given the row of plane 0."""

    is_padded = False

    def row_bytes(self, b: Buffer) -> int:
        return b.width * b.encoding.itemsize

    def map_bytes(self, b: Buffer) -> int:
        return b.planes * b.height * b.width * b.encoding.itemsize

    def at(self, b: Buffer, plane: Any, column: Any, dx: Any = 0) -> Any:
        return plane * (b.height * b.width) + dx + column

    def strides(self, b: Buffer) -> tuple[int, int]:
        return 1, b.height * b.width

    def to_memory(self, b: Buffer, planes: Array) -> npt.NDArray[Any]:
        return np.ascontiguousarray(planes).ravel()

    def from_memory(self, b: Buffer, memory: bytes) -> Array:
        return np.frombuffer(memory, b.encoding.element).reshape(b.planes, b.height, b.width)

    def defined(self, b: Buffer) -> npt.NDArray[np.bool_]:
        return np.ones(b.planes * b.height * b.width, bool)

    def emit_margins(self, b: Buffer, row: Any, ctx: Any) -> None:
        """There are none."""
