# SPDX-License-Identifier: Apache-2.0
"""share_bands: tasks for several threads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.limits import MAX_BAND
from biisnet.compile.passes.share_bands import TASKS, shared_rows


@pytest.mark.parametrize(
    ("height", "band", "rows"),
    [
        (7, 8, 1),
        (14, 8, 1),
        (16, 8, 2),
        (28, 8, 2),
        (56, 4, 4),
        (64, 8, 8),
        (9, 3, 1),
        (24, 3, 3),
        (1, 8, 1),
        (8, 1, 1),
    ],
)
def test_rows_of_a_task(height: int, band: int, rows: int) -> None:
    assert shared_rows(height, band) == rows


@given(st.integers(1, 3000), st.integers(1, MAX_BAND))
def test_longest_that_are_enough(height: int, band: int) -> None:
    """Divisors of the band, of which none that is longer has as many tasks."""
    rows = shared_rows(height, band)
    assert band % rows == 0
    assert -(-height // rows) >= min(TASKS, height)
    assert all(-(-height // n) < TASKS for n in range(rows + 1, band + 1) if band % n == 0)
