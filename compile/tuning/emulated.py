"""Measuring without a board: the emulated device's cycles, exact and repeatable."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...runtime.probe import Probe
from ...targets import Target, cycles
from ..program import Stage
from ..schedules import Schedule
from .bench import make_bench, run_candidates


def measure(stage: Stage, schedules: Sequence[Schedule], target: Target) -> list[float | str]:
    """Model cycles of each schedule of a stage's kernel, over the whole map; a text says why one was rejected.

    The first schedule is what the others' results must equal, byte for byte. Raises ToolchainError.
    """
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name, cycles.counter(target) as counter:
        bench = make_bench(stage, schedules, target, Path(name))
        with Probe([*counter.prefix, bench.runner]) as probe:
            stored = run_candidates(bench, probe)
        found = cycles.by_symbol(counter.profile(exact=True), cycles.symbols(bench.runner))
        wanted, *_ = stored.values()
        return [
            found[name] if result == wanted else "its result is not that of the default schedule"
            for name, result in stored.items()
        ]
