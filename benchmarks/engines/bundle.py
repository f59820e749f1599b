# SPDX-License-Identifier: Apache-2.0
"""This project in float32: a bundle for the host through the Python loader; on the board, its own runner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..case import F32, Case
from ..emulated import EmulatedCost, Emulation
from .engine import Infer

if TYPE_CHECKING:
    from biisnet.compile.frontend import OnnxModel


class ThreadsError(RuntimeError):
    """Several threads compute something else than one."""


def build(case: Case, folder: Path) -> None:
    """Compile for this machine. Raises CompileError, TargetError, ToolchainError."""
    compile_here(case.recognised(), case, folder)


def compile_here(model: OnnxModel, case: Case, folder: Path) -> None:
    """A network as a bundle for this machine, in `folder`. Raises CompileError, TargetError, ToolchainError."""
    from biisnet.compile.pipeline import compile_model
    from biisnet.targets import resolve

    size = (case.height, case.width)
    compile_model(model, size, resolve("host"), folder / "bundle", say=lambda _: None, verify=False)


def open_(case: Case, folder: Path, threads: int) -> Infer:
    """The call that a user of `biisnet.runtime` makes."""
    from biisnet import runtime

    model = runtime.load(folder / "bundle", threads=threads)
    return lambda frame: model(pixels_of(frame))


def pixels_of(frame: F32) -> F32:
    """Levels [1, C, H, W] as the loader takes a picture: [H, W], of several channels [H, W, C]."""
    return frame[0, 0] if frame.shape[1] == 1 else np.ascontiguousarray(frame[0].transpose(1, 2, 0))


def price(job: Emulation) -> EmulatedCost:
    """The sum of `biisnet analyze --target`. Raises CompileError, ToolchainError."""
    return price_of(job.case.recognised(), job)


def price_of(model: OnnxModel, job: Emulation) -> EmulatedCost:
    """A network's cost on the emulated board, and its output there. Raises CompileError, ProbeError, ThreadsError,
    ToolchainError."""
    from biisnet.compile.emit.runner import STEPS, build_runner
    from biisnet.compile.pipeline import PLAN_STEPS, make_plan
    from biisnet.compile.progress import Progress
    from biisnet.compile.tuning.records import tuned_schedules
    from biisnet.targets import emulator
    from biisnet.tools.analysis import measure, price_shared
    from biisnet.tools.thread_times import thread_times

    progress = Progress((*PLAN_STEPS, *STEPS), lambda _: None)
    plan = make_plan(model, (job.case.height, job.case.width), job.target, progress, tuned_schedules(job.target))
    command = build_runner(plan, job.target, job.folder, progress, symbols=True)
    found = measure(plan, job.target, command, job.cache)
    output = output_of([*(emulator.command(job.target) or ()), command[0]], job.case)
    times = thread_times(plan, found, price_shared(plan, job.target, job.cache), job.target)
    return EmulatedCost(found.cost, output, found.arena_bytes, times)


def output_of(command: Sequence[str], case: Case) -> npt.NDArray[Any]:
    """A runner's first output, on one thread as on several. Raises ThreadsError, ProbeError."""
    from biisnet.runtime.probe import Probe
    from biisnet.tools.thread_times import MOST

    outputs = []
    for threads in range(1, MOST + 1):
        with Probe(command, threads) as probe:
            outputs.append(probe.run(case.frame())[0])
    for threads, output in enumerate(outputs, 1):
        if output.tobytes() != outputs[0].tobytes():
            raise ThreadsError(f"{threads} threads give another result than one")
    return outputs[0]
