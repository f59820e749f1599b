# SPDX-License-Identifier: Apache-2.0
"""What a plan's stages cost where it is to run: model cycles of a board's emulated core, times of this machine."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..compile.emit.runner import STEPS, build_runner
from ..compile.errors import CompileError
from ..compile.ir.plan import Plan
from ..compile.progress import Progress
from ..targets import Target, emulator
from ..targets.toolchain import ToolchainError
from .analysis import ANALYSIS_STEPS, analyze_plan
from .bench import measure_stages
from .shells import Here

STAGE_RUNS, TURNS = 20, 3
"""Runs of each stage in a turn, and turns of each plan: what else this machine does meets all alike."""


@dataclass(frozen=True)
class Costs:
    """What the stages cost, or why that is not known; `other` is what lies between them."""

    unit: str
    values: tuple[float, ...] | None
    other: float
    note: str
    cycles: float | None = None
    """Of one inference, where the cycle model counts them."""

    @property
    def total(self) -> float | None:
        """Of one inference in model cycles; in times the sum of all stages run singly, which is more."""
        return None if self.values is None else sum(self.values) + self.other

    def of_kernels(self, plan: Plan) -> dict[str, float]:
        """The sum of each kernel's stages; empty where that is not known."""
        found: dict[str, float] = {}
        if self.values is None:
            return found
        for step, cost in zip(plan.kernels.steps, self.values, strict=True):
            found[step.kernel] = found.get(step.kernel, 0) + cost
        return found


def cost_steps(plans: int, target: Target) -> tuple[str, ...]:
    """The steps of find_costs, for so many plans."""
    if target.emulated_cpu:
        return ANALYSIS_STEPS * plans
    return (*STEPS * plans, "measure") if emulator.runs_here(target) else ()


def find_costs(plans: Sequence[Plan], target: Target, progress: Progress) -> list[Costs]:
    """Of each plan: the same network in other schedules."""
    try:
        if target.emulated_cpu:
            return [cycles_of(plan, target, progress) for plan in plans]
        if emulator.runs_here(target):
            return times_of(plans, target, progress)
        return [Costs("", None, 0, f"costs are not known: no cycle model of {target.name}")] * len(plans)
    except (CompileError, ToolchainError) as e:
        return [Costs("", None, 0, f"costs are not known: {e}")] * len(plans)


def cycles_of(plan: Plan, target: Target, progress: Progress) -> Costs:
    """Model cycles a pixel. Raises ToolchainError."""
    found = analyze_plan(plan, target, progress)
    values = tuple(s.cycles / found.pixels for s in found.stages)
    about = f"cycles of an emulated {target.cpu} with a cycle model, one thread"
    return Costs("cycles a pixel", values, found.other_cycles / found.pixels, about, found.cycles)


def times_of(plans: Sequence[Plan], target: Target, progress: Progress) -> list[Costs]:
    """Medians of this machine. Raises ToolchainError."""
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
        folders = [Path(name) / str(n) for n in range(len(plans))]
        commands = [build_runner(plan, target, folder, progress) for plan, folder in zip(plans, folders, strict=True)]
        medians = progress.run("measure", in_turns, commands)
    about = "median times of this machine, each stage by itself, one thread"
    return [Costs("ms", values, 0, about) for values in medians]


def in_turns(commands: Sequence[Sequence[str]]) -> list[tuple[float, ...]]:
    """Of each command, each stage's median time in ms: of TURNS times STAGE_RUNS, the commands in turn."""
    turns: list[list[list[float]]] = [[] for _ in commands]
    for _ in range(TURNS):
        for found, command in zip(turns, commands, strict=True):
            found.append([s.median_ms for s in measure_stages(Here(), command, STAGE_RUNS)])
    return [tuple(map(statistics.median, zip(*found, strict=True))) for found in turns]
