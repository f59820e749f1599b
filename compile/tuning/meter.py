# SPDX-License-Identifier: Apache-2.0
"""The interface of whoever measures: a board, several, this machine, or the emulated device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..ir.schedule import Schedule
from ..ir.stages import Stage


@dataclass(frozen=True)
class Measurement:
    """A kernel over the whole map: its seconds, and the figures that a model made them of; a clock has none."""

    seconds: float
    cycles: float | None = None
    l1d_misses: float | None = None
    dram_bytes: float | None = None


Outcome = Measurement | str
"""A measurement, or why the candidate was rejected."""


class Meter(Protocol):
    """A way to measure kernels."""

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[Outcome]:
        """Each schedule of a stage's kernel over the whole map, or why it was rejected: the first is the default one,
        whose result all others' must equal, byte for byte."""
