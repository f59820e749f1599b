# SPDX-License-Identifier: Apache-2.0
"""Encoding: how a map's values are stored. The one place that knows of an element's type, packing and tolerance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ...targets.cores import Core, Issue
    from ..ir.buffers import Buffer
    from ..ir.expressions import Expr

Array = npt.NDArray[Any]
BLOCK = 8
"""Channels that a row kernel computes together: a byte of packed bits."""


@dataclass(frozen=True)
class Comparison:
    """The agreement of a stored map with the reference: the largest relative error, and elements that are wrong."""

    error: float = 0.0
    wrong: int = 0


@dataclass(frozen=True, eq=False)
class Encoding(ABC):
    """The stored form of values [C, H, W].

    `pack` and `unpack` are between the form that numpy computes with, [C, H, W], and planes [planes, H, W] of memory.
    """

    name: ClassVar[str]
    """As dumps and files call it."""
    element: ClassVar[str]
    """The type of an element in memory, as numpy and TIR call it."""
    suffix: ClassVar[str]
    """The end of a buffer's name."""
    is_exact: ClassVar[bool]
    """Whether every element must equal the reference's, but for those that rounding may flip."""
    is_whole: ClassVar[bool] = False
    """Whether it is of whole numbers, of which nothing is rounded and every element must equal the reference's."""

    copies = 1
    """How often the values that it stores follow each other in a map."""

    @property
    def value_type(self) -> str:
        """The type of the values that it stores, as numpy calls it."""
        return "float32"

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.element).itemsize

    def of_core(self, core: Core) -> Encoding:
        """The encoding as a core's kernels read it."""
        return self

    @abstractmethod
    def planes(self, channels: int) -> int:
        """Planes of a row."""

    @abstractmethod
    def plane(self, channels: int, channel: Any) -> Any:
        """The plane that a channel lies in; both may be TIR."""

    @abstractmethod
    def cuts(self, channels: int) -> set[int]:
        """Channels at which a block of a row kernel must begin."""

    @abstractmethod
    def joins(self, channels: int, channel: int) -> bool:
        """Whether the BLOCK channels before `channel` and those from it on may be turns of one loop."""

    @abstractmethod
    def encode(self, value: Array) -> Array:
        """The stored form [C, H, W] of float32 values [C, H, W]."""

    @abstractmethod
    def decode(self, stored: Array) -> Array | None:
        """The float32 values of a stored form, where it holds them unchanged."""

    @abstractmethod
    def pack(self, stored: Array) -> Array:
        """Planes [planes, H, W] of a stored form [C, H, W]."""

    @abstractmethod
    def unpack(self, planes: Array, channels: int) -> Array:
        """The stored form [C, H, W] in planes [planes, H, W]."""

    @abstractmethod
    def draw(self, shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
        """A random stored form, to measure on."""

    @abstractmethod
    def silence(self, stored: Array) -> Array:
        """The stored form that leaves a stage's accumulators alone: of what is added to them, zero."""

    @abstractmethod
    def compare(self, stored: Array, reference: Array, bound: Array, own: Array | None) -> Comparison:
        """A device's stored form beside the reference's float32 values, all [C, H, W].

        `bound` is the size of the numbers that were summed; `own` the same values as the device has stored them
        unchanged beside this form, where it has.
        """

    @abstractmethod
    def slots(self, result: Expr, issue: Issue) -> int:
        """Issue slots to turn one channel's vector of an expression into what is stored."""

    @abstractmethod
    def begin(self, ctx: Any) -> Any:
        """TIR before the channels of one place: what `store` and `finish` are given again."""

    @abstractmethod
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
        """TIR that stores some channels' values, or gathers them for `finish`."""

    @abstractmethod
    def finish(self, ctx: Any, buffer: Buffer, row: Any, first: int, length: int, ahead: Any, begun: Any) -> None:
        """TIR at the end of a block of `length` channels; its first is `first`, `ahead` more in a turn of a loop."""

    takes_channels: ClassVar[bool] = False
    """Whether kernels whose lanes are channels store it: by the two arms below."""

    def store_pixel(self, ctx: Any, buffer: Buffer, row: Any, result: Expr, first: Any, value: Any) -> Any:
        """TIR that stores 8 channels of a pixel, from `first` on, or gathers them: what `finish_pixels` is given."""
        raise NotImplementedError(f"{self.name}: no kernel whose lanes are channels stores it")

    def finish_pixels(self, ctx: Any, buffer: Buffer, row: Any, first: Any, kept: Sequence[Any]) -> None:
        """TIR at the end of a tile: 8 channels from `first` on of each pixel from `ctx.column` on."""
        raise NotImplementedError(f"{self.name}: no kernel whose lanes are channels stores it")
