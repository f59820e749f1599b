# SPDX-License-Identifier: Apache-2.0
"""`--check`: the emulated cycles of our bundle must not grow. They are deterministic, so a busy machine may ask."""

from __future__ import annotations

from collections.abc import Sequence

from .case import Case
from .engines import OURS
from .results import DeviceRow, Results

TOLERANCE = 0.02


def recorded(results: Results) -> list[DeviceRow]:
    """Our rows that have a figure."""
    return [row for row in results.device if row.engine == OURS and row.cycles]


def case_of(row: DeviceRow) -> Case:
    """The subject of the row's figure."""
    height, width = map(int, row.size.split("x"))
    return Case(row.network, height, width, peers=False)


def compare(before: Sequence[DeviceRow], now: Sequence[DeviceRow]) -> tuple[list[str], bool]:
    """A line for each row, and whether all are well: measured, and at most TOLERANCE higher than before."""
    lines, well = [], True
    found = {(row.network, row.size): row for row in now}
    for old in before:
        new = found[old.network, old.size]
        assert old.cycles
        if new.cycles is None:
            lines.append(f"{old.network} {old.size}: not measured: {new.reason}")
            well = False
            continue
        change = new.cycles / old.cycles - 1
        slower = new.cycles > old.cycles * (1 + TOLERANCE)
        well = well and not slower
        lines.append(
            f"{old.network} {old.size}: {old.cycles / old.pixels:.1f} -> {new.cycles / new.pixels:.1f} "
            f"cycles a pixel ({change:+.2%}){', slower' if slower else ''}"
        )
    return lines, well
