# SPDX-License-Identifier: Apache-2.0
"""A bundle's runner with the buffers of its plan: maps are written, stages run, maps read."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..ir.buffers import Buffer
from ..ir.memory import Arena
from ..kernels.reference import from_bytes, to_bytes

Array = npt.NDArray


class Memory(Protocol):
    """What a runner's inputs, outputs and arena are reached by: a Probe, here or on a board."""

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
        """Where a buffer lies in the probe's address space."""
        if buffer.external is None:
            return self.arena.placements[buffer].offset
        return int(self.probe.info["outputs" if output else "inputs"][buffer.external]["offset"])

    def store(self, buffer: Buffer, value: Array) -> None:
        """Write a map [C, H, W]: float32, or bool for bits."""
        data = value.astype(np.float32).tobytes() if buffer.external is not None else to_bytes(buffer, value)
        self.probe.write(self.offset(buffer), data)

    def read(self, buffer: Buffer) -> bytes:
        """The memory of a map that a stage has written."""
        return self.probe.read(self.offset(buffer, output=True), size_of(buffer))

    def fill(self, buffer: Buffer, byte: int) -> None:
        """Overwrite the memory of a map that a stage is to write."""
        self.probe.write(self.offset(buffer, output=True), bytes([byte]) * size_of(buffer))

    def fetch(self, buffer: Buffer) -> Array:
        """The map [C, H, W] that a stage has written."""
        data = self.read(buffer)
        if buffer.external is not None:
            return np.frombuffer(data, np.float32).reshape(buffer.channels, buffer.height, buffer.width)
        return from_bytes(buffer, data)


def size_of(buffer: Buffer) -> int:
    """Bytes of a map in memory."""
    return buffer.bytes * (1 if buffer.external is None else buffer.channels)
