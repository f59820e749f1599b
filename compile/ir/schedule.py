# SPDX-License-Identifier: Apache-2.0
"""One kernel's schedule, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How a kernel is blocked; SPACE has what may be chosen."""

    channels: int
    """Channels whose epilogues are computed side by side: more share the loads of a convolution's pixels and hide
    latency, until registers spill."""
    counted: int = 8
    """Channels of a block whose bits are counted together: more share a tap's pixels, with a register each."""
    unrolled: int = 1
    """Planes of packed bits that one turn of the counting loop takes: more hide the loop, until registers spill."""


@dataclass(frozen=True)
class Record:
    """The schedule of a kernel that was measured to be its fastest."""

    key: str  # row_kernel.key_of
    schedule: Schedule
    seconds: float  # over the whole map
    database: str  # a word for whose it is
