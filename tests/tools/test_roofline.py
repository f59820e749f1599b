# SPDX-License-Identifier: Apache-2.0
"""The roofline's geometry: one slope for all roofs, and every stage on the right side of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.tools.roofline import Axes, Work, draw

PEAKS, DRAM = {"binary": 64e9, "float32": 6e9}, 4e9


def slope(corners: list[tuple[float, float]]) -> float:
    (x0, y0), (x1, y1), _ = corners
    return (y1 - y0) / (x1 - x0)


def test_both_roofs_follow_one_line() -> None:
    """Fails where a start below the picture is moved up, and not along the line: the two then differ."""
    found = draw([], PEAKS, DRAM)
    binary, floats = found.roofs["binary"], found.roofs["float32"]
    assert slope(binary) == pytest.approx(slope(floats))
    assert binary[0] == pytest.approx(floats[0])
    assert binary[2][0] == floats[2][0] == 100
    for corners in found.roofs.values():
        assert corners[1][1] == corners[2][1]


@given(
    st.lists(st.tuples(st.floats(1e-4, 1e6), st.floats(1e3, 1e13)), max_size=5),
    st.floats(1e6, 1e12),
    st.floats(1e8, 1e12),
)
def test_a_stage_is_drawn_above_a_roof_where_it_is(work: list[tuple[float, float]], peak: float, dram: float) -> None:
    found = draw([Work("w", i, s, True) for i, s in work], {"one": peak}, dram)
    (x0, y0), (x1, y1), (x2, _) = found.roofs["one"]
    for x, y in [*found.roofs["one"], *((p.x, p.y) for p in found.points)]:
        assert -1e-6 <= x <= 100 + 1e-6
        assert -1e-6 <= y <= 100 + 1e-6
    for p in found.points:
        attainable = min(peak, p.intensity * dram)
        if math.isclose(p.speed, attainable, rel_tol=1e-6) or not x0 < p.x <= x2 or x1 - x0 < 1e-9:
            continue
        drawn = y1 if p.x >= x1 else y0 + (p.x - x0) * (y1 - y0) / (x1 - x0)
        assert (p.y < drawn) == (p.speed > attainable)


def test_the_axes_grow_with_what_is_shown() -> None:
    axes = Axes.around([0.004, 3.0], [2e8, 7e12])
    assert (axes.x, axes.y) == ((-3, 3), (8, 13))
    assert axes.place(1e-3, 1e13) == (0, 0)
    assert axes.place(1e3, 1e8) == (100, 100)
