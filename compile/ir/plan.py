# SPDX-License-Identifier: Apache-2.0
"""The plan: all that is decided before any machine code is made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ...runtime.signature import Signature
from .memory import Layout, instance_bytes
from .stages import Program
from .steps import Kernels
from .sums import Proof


@dataclass(frozen=True)
class ReceptiveField:
    """An output pixel depends on the input pixels at most `radius` rows and columns away, in a way that repeats every
    `stride` pixels."""

    radius: int
    stride: int


@dataclass(frozen=True)
class Plan:
    """Stages, memory and kernels of one model at one size."""

    program: Program
    kernels: Kernels
    streaming: Layout
    """For one thread: maps are rings of the rows that it needs."""
    sharing: Layout
    """For several threads: with tasks for all of them, and rows for them to work ahead."""
    probing: Layout
    """To look at single stages: every map is whole."""
    signature: Signature
    field: ReceptiveField | None
    """The overlap of tiles of larger frames; None for a model that cannot work in tiles."""
    source: str
    """plan.c, by which a bundle is told to be of this plan."""
    proof: Proof
    """Of the sums of integer kernels, of none where there are none."""

    def arena_bytes(self, threads: int) -> int:
        """Bytes of an instance on so many threads, as the library counts them."""
        maps = (self.streaming if threads == 1 else self.sharing).arena.bytes
        inputs = (b.map_bytes for b in self.program.inputs)
        return maps + instance_bytes(len(self.program.buffers()), len(self.kernels.steps), inputs)

    @property
    def sha256(self) -> str:
        """SHA-256 of `source`, which a bundle's manifest has."""
        return hashlib.sha256(self.source.encode()).hexdigest()
