# SPDX-License-Identifier: Apache-2.0
"""Memory: which stages run together, and where each map lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..storage.layout import round_up
from .buffers import Buffer
from .limits import INSTANCE_BUFFER_BYTES, INSTANCE_BYTES, MAX_STRIDE

ALIGNMENT = 64
SLACK = 16 * 4 * MAX_STRIDE
"""Bytes behind the last map: the last vector of a row may read (never write) past the row's end, at most as many
vectors of 16 float32 as the stride is columns (the window's padding is within the row's margin)."""


@dataclass(frozen=True)
class Segment:
    """Steps first .. last-1, and the rows that each of their maps keeps: all, or a ring of fewer."""

    first: int
    last: int
    slots: dict[Buffer, int]


@dataclass(frozen=True)
class Placement:
    """A map's memory: bytes in the arena (of each thread, where it is private), rows kept, segments it lives in."""

    buffer: Buffer
    offset: int
    slots: int
    private: bool
    first: int
    last: int

    @property
    def bytes(self) -> int:
        """Bytes it takes."""
        return self.slots * self.buffer.row_bytes


@dataclass(frozen=True)
class Arena:
    """The memory plan of one list of segments.

    The shared part begins with the zero row (what windows read above and below a map) and the constants; a private
    part for each thread lies behind it.
    """

    segments: list[Segment]
    placements: dict[Buffer, Placement]
    zero_bytes: int
    constants: list[int]  # offset of each step's constants, replicated
    shared_bytes: int
    private_bytes: int

    def bytes(self, threads: int) -> int:
        """Bytes of the maps on so many threads."""
        return self.shared_bytes + threads * self.private_bytes


def instance_bytes(buffers: int, inputs: Iterable[int]) -> int:
    """Bytes of the arena behind its maps, on any number of threads: the instance with its tables of `buffers`, and each
    input (its bytes) once it is converted."""
    parts = (INSTANCE_BYTES + buffers * INSTANCE_BUFFER_BYTES, *inputs)
    return sum(round_up(n, ALIGNMENT) for n in parts)
