# SPDX-License-Identifier: Apache-2.0
"""Costs of a plan's stages where it is to run: by the model of a board's emulated core, or times of this machine."""

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
from ..targets.device_cost import DeviceCost
from ..targets.toolchain import ToolchainError
from .analysis import ANALYSIS_STEPS, analyze_plan
from .bench import measure_stages
from .shells import Here

STAGE_RUNS, TURNS = 20, 3
"""Runs of each stage in a turn, and turns of each plan: what else this machine does meets all alike."""

CYCLES, MICROSECONDS = "cycles a pixel", "us"
"""Units of a model's costs."""


@dataclass(frozen=True)
class Costs:
    """Costs of the stages, or why they are not known; `other` is what lies between them."""

    unit: str
    values: tuple[float, ...] | None
    other: float
    note: str
    cost: DeviceCost | None = None
    """Cost of one inference, where the model counts it."""
    stages: tuple[DeviceCost, ...] = ()
    """Of each stage then."""

    @property
    def total(self) -> float | None:
        """Cost of one inference by the model; in times of this machine the sum of all stages run singly: more."""
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
    """Costs of each plan: the same network in other schedules."""
    try:
        if target.emulated_cpu:
            return [model_costs_of(plan, target, progress) for plan in plans]
        if emulator.runs_here(target):
            return times_of(plans, target, progress)
        return [Costs("", None, 0, f"costs are not known: no cost model of {target.name}")] * len(plans)
    except (CompileError, ToolchainError) as e:
        return [Costs("", None, 0, f"costs are not known: {e}")] * len(plans)


def model_costs_of(plan: Plan, target: Target, progress: Progress) -> Costs:
    """Microseconds by the model; cycles a pixel on a core whose memory has no charge. Raises ToolchainError."""
    found = analyze_plan(plan, target, progress)
    stages = tuple(s.cost for s in found.stages)
    if found.cost.seconds is None:
        unit, about, figures = CYCLES, "cycles", [c.cycles / found.pixels for c in (*stages, found.other)]
    else:
        unit, about, figures = MICROSECONDS, "time", [1e6 * (c.seconds or 0) for c in (*stages, found.other)]
    about += f" of an emulated {target.cpu} with a cost model, one thread"
    return Costs(unit, tuple(figures[:-1]), figures[-1], about, found.cost, stages)


def times_of(plans: Sequence[Plan], target: Target, progress: Progress) -> list[Costs]:
    """Medians of this machine. Raises ToolchainError."""
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
        folders = [Path(name) / str(n) for n in range(len(plans))]
        commands = [build_runner(plan, target, folder, progress) for plan, folder in zip(plans, folders, strict=True)]
        medians = progress.run("measure", in_turns, commands)
    about = "median times of this machine, each stage by itself, one thread"
    return [Costs("ms", values, 0, about) for values in medians]


def in_turns(commands: Sequence[Sequence[str]]) -> list[tuple[float, ...]]:
    """Median times in ms of each command's stages: of TURNS times STAGE_RUNS, the commands in turn."""
    turns: list[list[list[float]]] = [[] for _ in commands]
    for _ in range(TURNS):
        for found, command in zip(turns, commands, strict=True):
            found.append([s.median_ms for s in measure_stages(Here(), command, STAGE_RUNS)])
    return [tuple(map(statistics.median, zip(*found, strict=True))) for found in turns]
