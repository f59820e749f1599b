# SPDX-License-Identifier: Apache-2.0
"""Candidates of one kernel side by side in one program: the stage once in each schedule, all on the same rows.

The program is built as a model's is (plan.c, runtime, runner), so what is measured is what a bundle runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx

from ...runtime.bundle import RUNNER
from ...runtime.probe import Probe
from ...targets import Target
from ...targets.cores import Core
from ..emit.codegen import generate
from ..emit.link import Objects, link_runner, write_objects
from ..emit.plan_source import parameter_offsets, plan_source
from ..ir.buffers import Buffer
from ..ir.memory import ALIGNMENT, Arena, Layout, Order
from ..ir.schedule import Schedule
from ..ir.stages import Program, Stage
from ..ir.steps import Kernels, Step
from ..kernels import Load, RepeatChannels, Zero
from ..kernels.row_kernel import build
from ..passes.build_kernels import step_of
from ..passes.plan_arena import plan_apart
from ..storage import is_integer
from ..verification.device import Device
from .meter import Outcome

PLAIN = Schedule(channels=1)
BLOT = 0xA5
SEED = 0
"""Seed of the rows that candidates are measured on."""


@dataclass(frozen=True)
class Bench:
    """Several candidates. Its first steps stand for whoever writes the maps that the stage reads."""

    program: Path
    arena: Arena
    candidates: dict[str, Step]
    """Steps of the candidates, by the name of their kernel."""
    first: int
    """The step of the first of them."""


Link = Callable[[Objects, Target, Path], Path]


def link_bench_runner(objects: Objects, target: Target, folder: Path) -> Path:
    """The bench as a runner, with its symbols."""
    link_runner(objects, target, folder, symbols=True)
    return folder / RUNNER


def make_bench(
    stage: Stage,
    schedules: Sequence[Schedule],
    target: Target,
    folder: Path,
    link: Link = link_bench_runner,
) -> Bench:
    """Build the program into `folder`. Raises ToolchainError, CompileError."""
    read = stage.reads()
    inputs = [b for b in read if b.external is not None] or [pixel(stage)]
    sources = [source(buffer, inputs[0]) for buffer in read if buffer.external is None]
    # each writes maps of its own
    copies = [replace(stage, outputs=[replace(b) for b in stage.outputs]) for _ in schedules]
    steps = [make_step(s, f"source_{n}", target.core, PLAIN) for n, s in enumerate(sources)]
    steps += [
        make_step(c, f"candidate_{n}", target.core, s) for n, (c, s) in enumerate(zip(copies, schedules, strict=True))
    ]
    kernels = Kernels({step.kernel: func for step, func in steps}, [step for step, _ in steps])
    # the same sets for each candidate's constants, whose places would else decide what misses
    caches = target.core.caches
    arena = plan_apart(kernels, caches.period if caches else ALIGNMENT)
    outputs = [b for b in copies[0].outputs if b.external is not None] or [pixel(stage)]
    program = Program("bench", [*sources, *copies], inputs, outputs)
    layout = Layout(arena, Order.one_by_one(kernels.steps))
    plan = plan_source(program, kernels, (layout, layout, layout))
    code = generate(kernels.funcs, target)
    objects = write_objects(folder, plan, parameter_offsets(kernels)[1], code)
    return Bench(
        link(objects, target, folder), arena, {s.kernel: s for s in kernels.steps[len(sources) :]}, len(sources)
    )


def make_step(stage: Stage, name: str, core: Core, schedule: Schedule) -> tuple[Step, tirx.PrimFunc]:
    """A step under a name of its own, and its PrimFunc."""
    built = build(stage, name, core, schedule)
    return step_of(stage, name, built, schedule), built.func


def pixel(stage: Stage) -> Buffer:
    """An input or output for a program whose stage has none: all programs have them."""
    return Buffer(f"pixel of {stage.name}", "", 1, 1, 1, external=0)


def source(buffer: Buffer, entry: Buffer) -> Stage:
    """A stage that would write a map, from an input; it is there to give the map its place."""
    kind = buffer.encoding.value_type
    value = Zero(buffer.channels, kind) if is_integer(kind) else RepeatChannels(buffer.channels, Load(1, entry))
    return Stage.of(f"source of {buffer.name}", (), (value,), [buffer])


def store_maps(bench: Bench, device: Device) -> None:
    """Fill what the candidates read with random maps."""
    rng = np.random.default_rng(SEED)
    for buffer in dict.fromkeys(op.buffer for step in bench.candidates.values() for op in step.operands):
        device.store(buffer, random_map(buffer, rng))


def random_map(buffer: Buffer, rng: np.random.Generator) -> npt.NDArray[Any]:
    """A stored form [C, H, W]."""
    return buffer.encoding.draw((buffer.channels, buffer.height, buffer.width), rng)


def blot(step: Step, device: Device) -> None:
    """Overwrite where a candidate will store: all of them store there, and what one leaves out must not be right. What
    it reads there is a random map."""
    for buffer in step.stage.outputs:
        if buffer.replaces:
            device.store(buffer, random_map(buffer.replaces, np.random.default_rng(SEED)))
        else:
            device.fill(buffer, BLOT)


def stored_by(step: Step, device: Device) -> bytes:
    """Bytes that a candidate has stored; the next one's may lie there too."""
    return b"".join(device.read(b) for b in step.stage.outputs)


def isolate(
    measure: Callable[[Sequence[Schedule]], list[Outcome]],
    schedules: Sequence[Schedule],
    failures: tuple[type[Exception], ...],
) -> list[Outcome]:
    """Results of `measure`; where it fails, one candidate at a time, and one that fails alone is rejected.

    The first is the default schedule, which stands beside each: where that fails too, it is raised.
    """
    default, *others = schedules
    try:
        return measure(schedules)
    except failures as e:
        if not others:
            raise
        first = measure([default])
        if len(others) == 1:
            return [*first, f"it crashed ({' '.join(str(e).split())[-200:]})"]
        return [*first, *(isolate(measure, [default, s], failures)[1] for s in others)]


def run_candidates(bench: Bench, probe: Probe) -> dict[str, bytes]:
    """Each candidate once on random maps, which is the region that a profiler counts: what it stored. The first runs
    before it too, so that it finds in the caches what the others find."""
    device = Device(probe, bench.arena)
    store_maps(bench, device)
    first, *_ = bench.candidates.values()
    run_candidate(bench.first, first, device)
    probe.begin_region()
    stored = {s.kernel: run_candidate(n, s, device) for n, s in enumerate(bench.candidates.values(), bench.first)}
    probe.end_region()
    return stored


def run_candidate(stage: int, step: Step, device: Device) -> bytes:
    """One candidate, which is a stage of the program: what it stored."""
    blot(step, device)
    device.probe.run_stage(stage)
    return stored_by(step, device)
