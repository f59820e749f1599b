# SPDX-License-Identifier: Apache-2.0
"""This project in integers: the shipped integer network, bytes in and logits out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..case import F32, Case
from ..emulated import EmulatedCost, Emulation
from .bundle import compile_here, pixels_of, price_of
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
        return mask_of(model(pixels_of(frame).astype(np.uint8)))

    return infer


def mask_of(logits: npt.NDArray[Any]) -> F32:
    """1 where a logit is above the threshold, else 0."""
    return (logits > 0).astype(np.float32)


def price(job: Emulation) -> EmulatedCost:
    """The sum of `biisnet analyze --target`. Raises CompileError, ToolchainError."""
    priced = price_of(job.case.integers(), job)
    return replace(priced, output=mask_of(priced.output))
