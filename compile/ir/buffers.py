# SPDX-License-Identifier: Apache-2.0
"""The stored maps: where stages meet, and the rows of them that a stage reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

LANES = 16
"""Pixels of one vector step: sixteen bytes of packed bits, four 128-bit vectors of float32."""
MARGIN = 16
"""Elements kept left and right of a row that is read by a window."""

F32 = npt.NDArray[np.float32]
Dtype = Literal["float32", "bits"]
Margin = Literal["none", "zero", "edge"]
Rows: TypeAlias = npt.NDArray[np.int64]
"""Row numbers, one for each stripe that is looked at."""


def round_up(n: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `n`."""
    return -(-n // multiple) * multiple


@dataclass(eq=False)
class Buffer:
    """One stored form of a feature map, laid out [row][plane][margin, columns, margin].

    A plane is a channel (float32), or 8 channels of one group packed into a byte a pixel (bits: bit i of
    plane j of a group is channel 8j+i of the group, set where x >= threshold).
    """

    name: str
    value: str  # the ONNX value that it holds
    channels: int
    height: int
    width: int
    dtype: Dtype = "float32"
    margin: Margin = "none"
    groups: int = 1
    threshold: F32 = field(default_factory=lambda: np.zeros(1, np.float32))  # [channels] or [1]; bits only
    external: int | None = None  # index of the model's input or output that it is, [channel][row][column]
    scale: F32 | None = None  # [channels]; a float32 buffer holds scale*value + shift where these are given
    shift: F32 | None = None

    @property
    def planes_per_group(self) -> int:
        """Planes of one group of channels."""
        per_group = self.channels // self.groups
        return per_group if self.dtype == "float32" else -(-per_group // 8)

    @property
    def planes(self) -> int:
        """Planes of a row."""
        return self.planes_per_group * self.groups

    @property
    def origin(self) -> int:
        """Elements before column 0 of a plane."""
        return 0 if self.margin == "none" else MARGIN

    @property
    def plane_stride(self) -> int:
        """Elements from one plane to the next."""
        if self.external is not None:
            return self.height * self.width
        return round_up(self.width, LANES) + 2 * self.origin

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return 4 if self.dtype == "float32" else 1

    @property
    def row_bytes(self) -> int:
        """Bytes from one row to the next."""
        if self.external is not None:
            return self.width * self.itemsize
        return self.planes * self.plane_stride * self.itemsize

    @property
    def bytes(self) -> int:
        """Bytes of the whole map."""
        return self.row_bytes * self.height


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
