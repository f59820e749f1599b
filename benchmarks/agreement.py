# SPDX-License-Identifier: Apache-2.0
"""Results of an engine beside ONNX Runtime's of the same file and frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .case import F32, Case


def reference_output(case: Case) -> F32:
    """ONNX Runtime's first output, which every engine's is compared with."""
    from .stock_onnx import run, session

    return run(session(case.model().proto.SerializeToString(), case, 1), case.frame())


@dataclass(frozen=True)
class Agreement:
    """How well two results agree, as a row has it: of the shipped networks by the mask's pixels, of others by the
    numbers."""

    equal_pixels: float | None = None
    difference: float | None = None


def agreement(case: Case, found: F32, reference: F32) -> Agreement:
    """That of an engine's result with ONNX Runtime's."""
    if case.is_shipped:
        return Agreement(equal_pixels=equal_pixels(found, reference, case.model().threshold))
    return Agreement(difference=difference(found, reference))


def equal_pixels(found: F32, reference: F32, threshold: float) -> float:
    """Share of the mask's pixels that are the reference's."""
    return float(np.mean((found.ravel() > threshold) == (reference.ravel() > threshold)))


def difference(found: F32, reference: F32) -> float:
    """The largest, relative to the largest magnitude of the reference. Raises ValueError for another count of numbers:
    shapes [1, N] and [1, N, 1, 1] are one."""
    one, other = np.ravel(found).astype(np.float64), np.ravel(reference).astype(np.float64)
    if one.size != other.size:
        raise ValueError(f"the result has {one.size} numbers, ONNX Runtime's {other.size}")
    return float(np.max(np.abs(one - other)) / max(np.max(np.abs(other)), np.finfo(np.float32).tiny))
