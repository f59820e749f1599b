# SPDX-License-Identifier: Apache-2.0
"""The cost of a piece of work on a device: three figures that the model counts, and the time of all three.

    seconds = (cycles + l1d_misses * l1d_miss_cycles) / hertz + dram_bytes / dram_bytes_per_second

Nothing overlaps in it, so that it is an upper estimate for code that reads in order and a lower one for code whose
branches are mispredicted; docs/performance.md says what else it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass

from .devices import Target


@dataclass(frozen=True)
class DeviceCost:
    """Model cycles; misses of the first-level data cache and bytes to and from DRAM, None where no caches were
    modelled; seconds, None where the target's core has no charge for memory (`Core.memory`) or its clock is not known.
    """

    cycles: float
    l1d_misses: float | None = None
    dram_bytes: float | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, target: Target, cycles: float, l1d_misses: float | None, dram_bytes: float | None) -> DeviceCost:
        """The cost of counted figures on a target."""
        seconds, memory = None, target.core.memory
        if memory and target.hertz and l1d_misses is not None and dram_bytes is not None:
            waiting = l1d_misses * memory.l1d_miss_cycles
            seconds = (cycles + waiting) / target.hertz + dram_bytes / memory.dram_bytes_per_second
        return cls(cycles, l1d_misses, dram_bytes, seconds)

    def __add__(self, other: DeviceCost) -> DeviceCost:
        return DeviceCost(
            self.cycles + other.cycles,
            added(self.l1d_misses, other.l1d_misses),
            added(self.dram_bytes, other.dram_bytes),
            added(self.seconds, other.seconds),
        )

    def __mul__(self, factor: float) -> DeviceCost:
        """So many of it."""
        return DeviceCost(
            self.cycles * factor,
            scaled(self.l1d_misses, factor),
            scaled(self.dram_bytes, factor),
            scaled(self.seconds, factor),
        )


def added(one: float | None, other: float | None) -> float | None:
    """The sum; None where one is not known."""
    return None if one is None or other is None else one + other


def scaled(figure: float | None, factor: float) -> float | None:
    """The product; None of None."""
    return None if figure is None else figure * factor
