# SPDX-License-Identifier: Apache-2.0
"""`--check`: what our bundle costs on the emulated board must not grow: cycles, L1 misses, DRAM bytes. They are
deterministic, so a busy machine may ask."""

from __future__ import annotations

from collections.abc import Sequence

from .engines import OWN
from .results import DeviceRow, Results

TOLERANCE = 0.02
GUARDED = {"cycles": "cycles", "l1d_misses": "L1 misses", "dram_bytes": "bytes of DRAM traffic"}
"""Figures that must not grow, and their names for a person."""


def recorded(results: Results) -> list[DeviceRow]:
    """Our rows that have a figure."""
    return [row for row in results.device if row.engine in OWN and row.cycles]


def compare(before: Sequence[DeviceRow], now: Sequence[DeviceRow]) -> tuple[list[str], bool]:
    """A line for each recorded figure, and whether all are well: measured, and at most TOLERANCE higher than before."""
    lines, well = [], True
    found = {(row.network, row.size, row.engine): row for row in now}
    for old in before:
        new, subject = found[old.network, old.size, old.engine], f"{old.network} {old.size} {old.engine}"
        if new.cycles is None:
            lines.append(f"{subject}: not measured: {new.reason}")
            well = False
            continue
        for field, name in GUARDED.items():
            was, is_ = getattr(old, field), getattr(new, field)
            if was is None:
                continue
            grown = is_ is None or is_ > was * (1 + TOLERANCE)
            well = well and not grown
            lines.append(f"{subject}: {change_of(was, is_, old.pixels)} {name} a pixel{', more' if grown else ''}")
    return lines, well


def change_of(was: int, now: int | None, pixels: int) -> str:
    """A figure before and after, a pixel."""
    if now is None:
        return f"{was / pixels:.1f} -> not measured,"
    change = f"{now / was - 1:+.2%}" if was else f"{now:+}"
    return f"{was / pixels:.1f} -> {now / pixels:.1f} ({change})"
