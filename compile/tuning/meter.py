# SPDX-License-Identifier: Apache-2.0
"""The interface of whoever measures: a board, several, this machine, or the emulated device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..ir.schedule import Schedule
from ..ir.stages import Stage


class Meter(Protocol):
    """A way to measure kernels."""

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[float | str]:
        """Seconds of each schedule of a stage's kernel over the whole map, or why it was rejected: the first is the
        default one, whose result all others' must equal, byte for byte."""
