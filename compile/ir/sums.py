# SPDX-License-Identifier: Apache-2.0
"""Sums of integer networks, which are int16 lanes: how they are cut, and what is proved of them."""

from __future__ import annotations

from dataclasses import dataclass

SUM_LOW, SUM_HIGH = -(1 << 15), (1 << 15) - 1
"""Ends of 16 bits."""


@dataclass(frozen=True)
class Proof:
    """The sums that were looked at, none of which leaves 16 bits whatever the frame."""

    sums: int
    """Channels of all maps."""
    largest: int
    """The largest magnitude that one of them can have."""

    def summary(self) -> str:
        """A line for a person."""
        end = max(self.largest, SUM_HIGH)  # -32 768 is a number of 16 bits
        thousands = f"{self.largest:,} of {end:,}".replace(",", " ")
        return f"no sum can overflow: {self.sums} sums, the largest {thousands}"


def halves(channels: int) -> tuple[range, range]:
    """The channels of a map in two halves, which a sum over all of them adds up apart: the first, rounded down, whose
    sum has the constant in it, and the others."""
    middle = channels // 2
    return range(middle), range(middle, channels)
