# SPDX-License-Identifier: Apache-2.0
"""This project in integers: the shipped integer network, bytes in and logits out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..case import F32, Case
from ..emulated import EmulatedCost, Emulation
from .bundle import compile_here, price_of
from .engine import Infer


def build(case: Case, folder: Path) -> None:
    """Compile for this machine. Raises CompileError, TargetError, ToolchainError."""
    compile_here(case.integers(), case, folder)


def open_(case: Case, folder: Path, threads: int) -> Infer:
    """The call that a user of `biisnet.runtime` makes, on a frame as a camera gives it; of the logits only whether they
    are above the threshold, 1 or 0 as a probability: their sigmoid nobody needs."""
    from biisnet import runtime

    model = runtime.load(folder / "bundle", threads=threads)

    def infer(frame: F32) -> F32:
        return (model(frame.astype(np.uint8)) > 0).astype(np.float32)

    return infer


def price(job: Emulation) -> EmulatedCost:
    """The sum of `biisnet analyze --target`. Raises CompileError, ToolchainError."""
    return price_of(job.case.integers(), job)
