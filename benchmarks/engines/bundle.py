# SPDX-License-Identifier: Apache-2.0
"""This project in float32: a bundle for the host through the Python loader; on the board, its own runner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..case import Case
from ..emulated import EmulatedCost, Emulation
from .engine import Infer

if TYPE_CHECKING:
    from biisnet.compile.frontend import OnnxModel


def build(case: Case, folder: Path) -> None:
    """Compile for this machine. Raises CompileError, TargetError, ToolchainError."""
    compile_here(case.model(), case, folder)


def compile_here(model: OnnxModel, case: Case, folder: Path) -> None:
    """A network as a bundle for this machine, in `folder`. Raises CompileError, TargetError, ToolchainError."""
    from biisnet.compile.pipeline import compile_model
    from biisnet.targets import resolve

    size = (case.height, case.width)
    compile_model(model, size, resolve("host"), folder / "bundle", say=lambda _: None, verify=False)


def open_(case: Case, folder: Path, threads: int) -> Infer:
    """The call that a user of `biisnet.runtime` makes."""
    from biisnet import runtime

    return runtime.load(folder / "bundle", threads=threads)


def price(job: Emulation) -> EmulatedCost:
    """The sum of `biisnet analyze --target`. Raises CompileError, ToolchainError."""
    return price_of(job.case.model(), job)


def price_of(model: OnnxModel, job: Emulation) -> EmulatedCost:
    """What a network costs on the emulated board. Raises CompileError, ToolchainError."""
    from biisnet.tools.analysis import analyze_target

    size = (job.case.height, job.case.width)
    return EmulatedCost(analyze_target(model, size, job.target, lambda _: None, cache=job.cache).cost)
