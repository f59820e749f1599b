# SPDX-License-Identifier: Apache-2.0
"""The rows of a task where several threads run: parts of a band, so that every thread has some of a small map.

One thread fetches a stage's weights once for a band, and so bands are long where weights are many, which is where maps
are small: of 7 rows there is one. Several threads would look at one that works. So their tasks are divisors of a band,
the longest of which there are TASKS; each fetches the weights anew, from the second-level cache.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.steps import Step

THREADS = 4
"""Cores of the boards that we know."""
TASKS = 2 * THREADS
"""Two for each thread: what they wait for each other is less than fetching weights costs."""


def share_bands(steps: Sequence[Step]) -> list[int]:
    """The rows of a task of each step, which divide its band."""
    return [shared_rows(step.stage.height, step.schedule.band) for step in steps]


def shared_rows(height: int, band: int) -> int:
    """The most rows of which there are TASKS tasks; 1 where there are not so many rows."""
    divisors = (rows for rows in range(band, 0, -1) if band % rows == 0)
    return next((rows for rows in divisors if -(-height // rows) >= TASKS), 1)
