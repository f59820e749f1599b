# SPDX-License-Identifier: Apache-2.0
"""`biisnet analyze --target T`: what each stage of a compiled network costs on the emulated device.

The bundle's own runner does one warm inference on one thread; the cost model (targets/cycles.py) prices it by
function. Stages that share a kernel have the same shape, and so an equal part of its cost each.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from ..compile.emit.plan_source import plan_source
from ..compile.emit.runner import STEPS, build_runner
from ..compile.frontend import OnnxModel
from ..compile.ir.plan import Plan
from ..compile.kernels.issue_bound import issue_bound
from ..compile.pipeline import PLAN_STEPS, make_plan
from ..compile.progress import Progress
from ..compile.tuning.records import tuned_schedules
from ..targets import Target, cycles
from ..targets.cores import core_of
from ..targets.device_cost import DeviceCost
from ..targets.toolchain import check_cache
from .balance import Balance
from .thread_times import thread_times

ANALYSIS_STEPS = (*STEPS, "measure")
"""The steps of analyze_plan."""


@dataclass(frozen=True)
class StageCost:
    """One stage: multiply-adds, bytes of the maps that it reads and writes, cost, and the cycles of its issue bound."""

    name: str
    kernel: str
    binary_macs: int
    full_macs: int
    bytes: int
    cost: DeviceCost
    bound: float | None
    """None on a core whose issue slots are not known."""


@dataclass(frozen=True)
class Analysis:
    """One inference of a network on a device: `other` is outside of kernels (the walk over rows, the runner)."""

    target: str
    cpu: str
    size: tuple[int, int]
    stages: tuple[StageCost, ...]
    other: DeviceCost
    cost: DeviceCost
    arena_bytes: int
    balance: Balance | None = None
    """Of several threads, where they were asked for."""

    @property
    def pixels(self) -> int:
        """Pixels of the frame."""
        return self.size[0] * self.size[1]

    def document(self) -> dict[str, Any]:
        """As JSON has it: figures of one inference, of each stage beside its name, and the core's charge for memory."""
        stages = [{**asdict(stage), **asdict(stage.cost)} for stage in self.stages]
        for stage in stages:
            del stage["cost"]
        found = {name: value for name, value in asdict(self).items() if name not in {"stages", "other", "cost"}}
        others = {f"other_{name}": value for name, value in asdict(self.other).items()}
        sums = {**asdict(self.cost), "cycles_per_pixel": self.cost.cycles / self.pixels}
        memory = core_of(self.cpu).memory
        return {**found, "stages": stages, **others, **sums, "memory": memory and asdict(memory)}


def analyze_target(
    model: OnnxModel,
    size: tuple[int, int] | None,
    target: Target,
    say: Callable[[str], None],
    *,
    cache: bool = True,
    database: Path | None = None,
    threads: int = 1,
) -> Analysis:
    """Compile `model` for `target` by the shipped tuning records and those of `database`, and price one inference;
    without `cache` by cycles alone. With several `threads` it says what each would do.

    Raises CompileError, ToolchainError (an emulator or LLVM's tools are missing).
    """
    check_cache(say)
    progress = Progress((*PLAN_STEPS, *ANALYSIS_STEPS), say)
    plan = make_plan(model, size, target, progress, tuned_schedules(target, database))
    return analyze_plan(plan, target, progress, cache, threads)


def analyze_plan(plan: Plan, target: Target, progress: Progress, cache: bool = True, threads: int = 1) -> Analysis:
    """The same from a plan on. Raises CompileError, ToolchainError."""
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
        command = build_runner(plan, target, Path(name), progress, symbols=True)
        return progress.run("measure", measure, plan, target, command, cache, threads)


def costs_of(plan: Plan, by_function: Mapping[str, DeviceCost]) -> list[DeviceCost]:
    """The cost of each step, one after the other."""
    uses = Counter(step.kernel for step in plan.kernels.steps)
    return [by_function[step.kernel] * (1 / uses[step.kernel]) for step in plan.kernels.steps]


def work_of(costs: Iterable[DeviceCost]) -> list[float]:
    """Seconds, or cycles where none are said."""
    return [cost.cycles if cost.seconds is None else cost.seconds for cost in costs]


def price_shared(plan: Plan, target: Target, cache: bool = True) -> list[DeviceCost]:
    """What the tasks of each step cost that several threads are given, all on one: shorter ones fetch weights again.
    Raises ToolchainError."""
    layouts = (plan.sharing, plan.sharing, plan.probing)
    source = plan_source(plan.program, plan.kernels, layouts, plan.signature, field=plan.field)
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
        silent = Progress(STEPS, lambda _: None)
        command = build_runner(replace(plan, source=source), target, Path(name), silent, symbols=True)
        profile = cycles.measure([*command, "--roi"], target, cache=cache)
        return costs_of(plan, cycles.by_symbol(profile, cycles.symbols(Path(command[0]))))


def measure_balance(
    plan: Plan, target: Target, command: Sequence[str], found: Analysis, cache: bool, threads: int
) -> Balance:
    """Threads by the plan, and one inference of so many on the emulator; `found` is one thread's."""
    profiles = cycles.measure_threads([*command, "--roi", "--threads", str(threads)], target)
    functions, kernels = cycles.symbols(Path(command[0])), {step.kernel for step in plan.kernels.steps}
    of_kernels = [
        sum(cost.cycles for name, cost in cycles.by_symbol(profile, functions).items() if name in kernels)
        for profile in profiles
    ]
    parts = tuple(n / sum(of_kernels) for n in of_kernels)
    *_, planned = thread_times(plan, found, price_shared(plan, target, cache), target, threads)
    return Balance(planned.shares, planned.speedup, planned.seconds, parts)


def measure(plan: Plan, target: Target, command: Sequence[str], cache: bool, threads: int = 1) -> Analysis:
    """Price one inference of a runner that has its symbols."""
    profile = cycles.measure([*command, "--roi"], target, cache=cache)
    by_function = cycles.by_symbol(profile, cycles.symbols(Path(command[0])))
    costs = costs_of(plan, by_function)
    stages = tuple(
        StageCost(
            step.stage.name,
            step.kernel,
            step.stage.work.binary,
            step.stage.work.full,
            step.stage.map_bytes,
            cost,
            issue_bound(step.stage, target.core),
        )
        for step, cost in zip(plan.kernels.steps, costs, strict=True)
    )
    kernels = {step.kernel for step in plan.kernels.steps}
    other = reduce(add, (cost for name, cost in by_function.items() if name not in kernels))
    source = plan.program.inputs[0]
    size = (source.height, source.width)
    found = Analysis(target.name, target.cpu, size, stages, other, profile.cost, plan.arena_bytes(threads))
    if threads == 1:
        return found
    return replace(found, balance=measure_balance(plan, target, command, found, cache, threads))
