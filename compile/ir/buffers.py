# SPDX-License-Identifier: Apache-2.0
"""Buffers: the stored maps where stages meet, and the rows of them that a stage reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ..storage import Dense, Encoding, Float32, Layout, Planes

F32 = npt.NDArray[np.float32]
Rows: TypeAlias = npt.NDArray[np.int64]
"""Row numbers, one for each band that is looked at."""


@dataclass(eq=False)
class Buffer:
    """One stored form of a feature map."""

    name: str
    value: str
    """The ONNX value that it holds."""
    channels: int
    height: int
    width: int
    encoding: Encoding = Float32()  # noqa: RUF009 (it is frozen)
    layout: Layout = Planes()  # noqa: RUF009 (it is frozen)
    external: int | None = None
    """The model's input or output that it is, by index."""
    replaces: Buffer | None = None
    """The map whose place it takes: its stage reads each element of that one and writes its own there."""

    def __post_init__(self) -> None:
        if self.external is not None:
            self.layout = Dense()  # as the user has it

    @property
    def planes(self) -> int:
        """Planes of a row."""
        return self.encoding.planes(self.channels)

    @property
    def row_bytes(self) -> int:
        """Bytes from one row to the next."""
        return self.layout.row_bytes(self)

    @property
    def map_bytes(self) -> int:
        """Bytes of the whole map."""
        return self.layout.map_bytes(self)

    def to_memory(self, stored: npt.NDArray[Any]) -> bytes:
        """The memory that holds a stored form [C, H, W]."""
        return self.layout.to_memory(self, self.encoding.pack(stored)).tobytes()

    def from_memory(self, memory: bytes) -> npt.NDArray[Any]:
        """The stored form [C, H, W] that memory holds."""
        return self.encoding.unpack(self.layout.from_memory(self, memory), self.channels)


@dataclass(frozen=True)
class Operand:
    """Rows of `buffer` that output row y reads: (y*mul + add) // div + i*step, i < count, and for odd y
    `odd` rows further down."""

    buffer: Buffer
    mul: int = 1
    add: int = 0
    div: int = 1
    step: int = 1
    count: int = 1
    edge: Literal["zero", "clamp"] = "clamp"
    odd: int = 0

    @classmethod
    def whole(cls, buffer: Buffer) -> Operand:
        """All of a map, whatever is computed: what a stage without rows reads."""
        return cls(buffer, mul=0, count=buffer.height)

    @property
    def slides(self) -> bool:
        """Whether all rows but the first that an output row reads are read by the next one too, and one behind them."""
        return self.div == 1 and not self.odd and (self.count == 1 or self.step == self.mul)

    @property
    def advance(self) -> int:
        """The rows, of those that a band of output rows is given, from the first of one output row to the next's."""
        return 1 if self.slides else self.count

    def given(self, band: int) -> int:
        """The rows that a band of output rows is given."""
        return self.count + (band - 1) * self.advance

    def needed_rows(self, first: Rows, last: Rows) -> tuple[Rows, Rows]:
        """The rows (from, to) of the map that output rows first .. last-1 read, where there are any."""
        low, high = self.read_rows(first, last)
        height = self.buffer.height
        return np.clip(low, 0, height - 1), np.clip(high, 1, height)

    def read_rows(self, first: Rows | int, last: Rows | int) -> tuple[Rows, Rows]:
        """The same of a map without borders."""
        # an odd row may look further up or down than its even neighbour, so the two at each end decide
        ends = np.clip(np.stack([first, first + 1, last - 2, last - 1]), first, last - 1)
        starts = (ends * self.mul + self.add) // self.div + self.odd * (ends % 2)
        return starts.min(0), starts.max(0) + (self.count - 1) * self.step + 1
