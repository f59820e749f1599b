# SPDX-License-Identifier: Apache-2.0
"""One engine on the emulated board."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from biisnet.targets import Target
from biisnet.tools.cli.errors import one_line

from .agreement import Agreement, agreement, reference_output
from .arm64_root import Arm64Root
from .case import Case
from .emulated import EmulatedCost, Emulation
from .engines import Engine
from .results import DeviceRow, ThreadRow

Measured = tuple[DeviceRow, tuple[ThreadRow, ...]]
"""Figures of one thread, and of ours of several."""


def measure_device(
    case: Case, engine: Engine, target: Target, root: Arm64Root, *, cache: bool, say: Callable[[str], None]
) -> Measured:
    """Its cycles, and with `cache` its misses, its DRAM traffic and its time; an engine that fails has its reason."""
    assert engine.price
    say(f"{case.network} {case.size}: {engine.title} on an emulated {target.cpu}")
    try:
        with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
            found = engine.price(Emulation(case, target, Path(folder), root, cache))
        agrees = agreement(case, found.output, reference_output(case))
    except Exception as e:  # whatever an engine raises is its reason
        return DeviceRow(case.network, case.size, engine.name, reason=f"{type(e).__name__}: {one_line(e)}"[:300]), ()
    return row_of(case, engine, found, agrees), threads_of(case, engine, found)


def row_of(case: Case, engine: Engine, found: EmulatedCost, agrees: Agreement) -> DeviceRow:
    """The row of a cost, whole numbers but for the time."""
    cost = found.cost
    return DeviceRow(
        case.network,
        case.size,
        engine.name,
        cycles=round(cost.cycles),
        l1d_misses=None if cost.l1d_misses is None else round(cost.l1d_misses),
        dram_bytes=None if cost.dram_bytes is None else round(cost.dram_bytes),
        microseconds=microseconds(cost.seconds),
        arena_bytes=found.arena_bytes,
        equal_pixels=agrees.equal_pixels,
        difference=agrees.difference,
    )


def threads_of(case: Case, engine: Engine, found: EmulatedCost) -> tuple[ThreadRow, ...]:
    """A row for each number of threads that its cost has."""
    return tuple(
        ThreadRow(
            case.network,
            case.size,
            engine.name,
            t.threads,
            tuple(round(s, 4) for s in t.shares),
            round(t.speedup, 4),
            microseconds(t.seconds),
            t.arena_bytes,
        )
        for t in found.threads
    )


def microseconds(seconds: float | None) -> float | None:
    """A time as a row has it."""
    return None if seconds is None else round(1e6 * seconds, 1)
