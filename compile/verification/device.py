# SPDX-License-Identifier: Apache-2.0
"""A bundle's runner with the buffers of its plan: maps are written, stages run, maps read."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

from ..ir.buffers import Buffer
from ..ir.memory import Arena

Array = npt.NDArray[Any]


class Memory(Protocol):
    """The access to a runner's inputs, outputs and arena: a Probe, here or on a board."""

    info: dict[str, Any]

    def read(self, offset: int, size: int) -> bytes:
        """Reads bytes."""

    def write(self, offset: int, data: bytes) -> None:
        """Writes bytes."""

    def run_stage(self, stage: int, params: bytes | None = None) -> None:
        """All rows of one stage, with its own constants or with others."""


class Device:
    """A bundle's runner with the buffers of its plan."""

    def __init__(self, probe: Memory, arena: Arena) -> None:
        self.probe, self.arena = probe, arena

    def offset(self, buffer: Buffer, *, output: bool = False) -> int:
        """The place of a buffer in the probe's address space."""
        if buffer.external is None:
            return self.arena.placements[buffer].offset
        return int(self.probe.info["outputs" if output else "inputs"][buffer.external]["offset"])

    def store(self, buffer: Buffer, value: Array) -> None:
        """Write a map's stored form [C, H, W]."""
        self.probe.write(self.offset(buffer), buffer.to_memory(value))

    def read(self, buffer: Buffer) -> bytes:
        """The memory of a map that a stage has written."""
        return self.probe.read(self.offset(buffer, output=True), buffer.map_bytes)

    def fill(self, buffer: Buffer, byte: int) -> None:
        """Overwrite the memory of a map that a stage is to write."""
        self.probe.write(self.offset(buffer, output=True), bytes([byte]) * buffer.map_bytes)

    def fetch(self, buffer: Buffer) -> Array:
        """The stored form [C, H, W] that a stage has written."""
        return buffer.from_memory(self.read(buffer))
