# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime in float32 on the shipped file; it inlines the functions and folds the packed weights by itself."""

from __future__ import annotations

from pathlib import Path

from ..case import F32, Case
from ..emulated import Cost, Emulation, price_guest
from .engine import Infer

MODEL = "model.onnx"


def build(case: Case, folder: Path) -> None:
    """The shipped file, as it is."""
    (folder / MODEL).write_bytes(case.model().proto.SerializeToString())


def open_(case: Case, folder: Path, threads: int) -> Infer:
    """A session with all of its optimisations."""
    from ..stock_onnx import session

    opened = session((folder / MODEL).read_bytes(), case, threads)

    def infer(frame: F32) -> F32:
        probability: F32 = opened.run(None, {"image": frame[None, None]})[0][0, 0]
        return probability

    return infer


def price(job: Emulation) -> Cost:
    """Its aarch64 wheel on the emulated board, on the file of standard operators that TVM reads."""
    from ..stock_onnx import standard_model

    standard_model(job.case, job.folder / MODEL)
    return price_guest(job, "onnx_session.py", job.folder / MODEL)
