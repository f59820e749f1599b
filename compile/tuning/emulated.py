# SPDX-License-Identifier: Apache-2.0
"""Measuring without a board: the emulated device's cost model, exact and repeatable."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...runtime.probe import Probe, ProbeError
from ...targets import Target, cycles
from ...targets.device_cost import DeviceCost
from ..ir.schedule import Schedule
from ..ir.stages import Stage
from .bench import isolate, make_bench, run_candidates
from .meter import Measurement, Outcome
from .records import MODEL_CYCLES, MODEL_TIME

REJECTED = "its result is not that of the default schedule"


@dataclass(frozen=True)
class Emulated:
    """A Meter that is the emulated device, with its cost model."""

    target: Target

    @property
    def measured_by(self) -> str:
        """What its seconds are read off, as records have it."""
        return MODEL_TIME if self.target.core.memory else MODEL_CYCLES

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[Outcome]:
        """Cost of each schedule and its time, where the core's memory has no charge that of its cycles alone; or why it
        was rejected.

        Raises ToolchainError, ProbeError.
        """
        return isolate(lambda some: self.measure_together(stage, some), schedules, (ProbeError,))

    def measure_together(self, stage: Stage, schedules: Sequence[Schedule]) -> list[Outcome]:
        """The same, in one program."""
        with tempfile.TemporaryDirectory(prefix="biisnet-") as name, cycles.counter(self.target, cache=True) as counter:
            bench = make_bench(stage, schedules, self.target, Path(name))
            with Probe([*counter.prefix, bench.program]) as probe:
                stored = run_candidates(bench, probe)
            found = cycles.by_symbol(counter.profile(), cycles.symbols(bench.program))
            wanted, *_ = stored.values()
            return [self.outcome(found[name]) if result == wanted else REJECTED for name, result in stored.items()]

    def outcome(self, cost: DeviceCost) -> Measurement:
        """The measurement of a kernel's cost."""
        assert self.target.hertz  # all that are emulated have it
        seconds = cost.cycles / self.target.hertz if cost.seconds is None else cost.seconds
        return Measurement(seconds, cost.cycles, cost.l1d_misses, cost.dram_bytes)
