# SPDX-License-Identifier: Apache-2.0
"""This project: a bundle for the host through the Python loader; on the board, its own runner."""

from __future__ import annotations

from pathlib import Path

from ..case import Case
from ..emulated import EmulatedCost, Emulation
from .engine import Infer


def build(case: Case, folder: Path) -> None:
    """Compile for this machine. Raises CompileError, TargetError, ToolchainError."""
    from biisnet.compile.pipeline import compile_model
    from biisnet.targets import resolve

    size = (case.height, case.width)
    compile_model(case.model(), size, resolve("host"), folder / "bundle", say=lambda _: None, verify=False)


def open_(case: Case, folder: Path, threads: int) -> Infer:
    """The call that a user of `biisnet.runtime` makes."""
    from biisnet import runtime

    return runtime.load(folder / "bundle", threads=threads)


def price(job: Emulation) -> EmulatedCost:
    """The sum of `biisnet analyze --target`. Raises CompileError, ToolchainError."""
    from biisnet.tools.analysis import analyze_target

    case = job.case
    found = analyze_target(case.model(), (case.height, case.width), job.target, lambda _: None, cache=job.cache)
    return EmulatedCost(found.cost)
