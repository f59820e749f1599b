# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime in float32 on the ONNX file; it inlines the functions and folds the weights by itself."""

from __future__ import annotations

from pathlib import Path

from ..case import Case
from ..emulated import EmulatedCost, Emulation, price_guest
from .engine import Infer

MODEL = "model.onnx"


def build(case: Case, folder: Path) -> None:
    """The file, as it is."""
    (folder / MODEL).write_bytes(case.model().proto.SerializeToString())


def open_(case: Case, folder: Path, threads: int) -> Infer:
    """A session with all of its optimisations."""
    from ..stock_onnx import run, session

    opened = session((folder / MODEL).read_bytes(), case, threads)
    return lambda frame: run(opened, frame)


def price(job: Emulation) -> EmulatedCost:
    """Its aarch64 wheel on the emulated board, on the file of standard operators that TVM reads."""
    from ..stock_onnx import standard_model

    standard_model(job.case, job.folder / MODEL)
    return price_guest(job, "onnx_session.py", job.folder / MODEL)
