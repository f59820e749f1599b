# SPDX-License-Identifier: Apache-2.0
"""Measuring without a board: the emulated device's cycles, exact and repeatable."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...runtime.probe import Probe, ProbeError
from ...targets import Target, cycles
from ..ir.schedule import Schedule
from ..ir.stages import Stage
from .bench import isolate, make_bench, run_candidates

REJECTED = "its result is not that of the default schedule"


@dataclass(frozen=True)
class Emulated:
    """A Meter that is the emulated device, with its cycle model."""

    target: Target

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[float | str]:
        """Seconds of each schedule (model cycles at the core's clock), or why it was rejected.

        Raises ToolchainError, ProbeError.
        """
        return isolate(lambda some: self.measure_together(stage, some), schedules, (ProbeError,))

    def measure_together(self, stage: Stage, schedules: Sequence[Schedule]) -> list[float | str]:
        """The same, in one program."""
        with tempfile.TemporaryDirectory(prefix="biisnet-") as name, cycles.counter(self.target) as counter:
            bench = make_bench(stage, schedules, self.target, Path(name))
            with Probe([*counter.prefix, bench.program]) as probe:
                stored = run_candidates(bench, probe)
            found = cycles.by_symbol(counter.profile(), cycles.symbols(bench.program))
            wanted, *_ = stored.values()
            assert self.target.hertz
            return [
                found[name] / self.target.hertz if result == wanted else REJECTED for name, result in stored.items()
            ]
