# SPDX-License-Identifier: Apache-2.0
"""A device's cost in words."""

from __future__ import annotations

from ..targets.device_cost import DeviceCost


def share(cost: DeviceCost, whole: DeviceCost) -> float:
    """The part of the whole: of its time, where that is known, else of its cycles."""
    if cost.seconds is not None and whole.seconds is not None:
        return cost.seconds / whole.seconds
    return cost.cycles / whole.cycles


def a_pixel(cost: DeviceCost, pixels: int) -> str:
    """The counted figures of one inference, for each pixel of the frame."""
    if cost.l1d_misses is None or cost.dram_bytes is None:
        return f"{cost.cycles / pixels:.1f} cycles a pixel"
    misses, dram = cost.l1d_misses / pixels, cost.dram_bytes / pixels
    return f"{cost.cycles / pixels:.1f} cycles, {misses:.1f} L1 misses and {dram:.0f} bytes of DRAM traffic a pixel"


def time_of(cost: DeviceCost) -> str:
    """The time that they take, behind a colon; nothing where it is not known."""
    return "" if cost.seconds is None else f": {1e3 * cost.seconds:.1f} ms"
