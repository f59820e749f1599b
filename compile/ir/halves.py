# SPDX-License-Identifier: Apache-2.0
"""Halves of a map's channels: a sum over all of them is two, which are proved, and computed, to fit 16 bits apart."""

from __future__ import annotations


def halves(channels: int) -> tuple[range, range]:
    """The first half, rounded down, which the sum's constant is in, and the others."""
    middle = channels // 2
    return range(middle), range(middle, channels)
