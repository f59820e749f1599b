# SPDX-License-Identifier: Apache-2.0
"""Error bounds: how large the numbers are that a stage adds up, which its rounding errors are relative to.

|s*x + h| <= |s|*|x| + |h|,  |two_slope(x)| <= max(|p|, |n|)*|x|,  and so on, kind by kind: no cancellation is counted
on, but for the centre of an accumulator, which comes and goes within a hinge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.buffers import F32
from ..ir.expressions import Expr, Inputs
from ..ir.stages import Stage
from .reference import StageValues

Array = npt.NDArray[Any]


def error_bounds(stage: Stage, stored: Mapping[str, Array]) -> list[F32]:
    """For each output a bound [C, H, W] of what was summed, given what the buffers hold (as for `evaluate`); 0 where
    that is infinite or NaN, so that it excuses nothing beside it."""
    magnitudes = {name: np.abs(value) for name, value in stored.items()}
    values = StageValues(stage, stored)
    known: dict[int, Array] = {}

    def bound(e: Expr) -> Array:
        if id(e) not in known:
            inputs = Inputs([bound(part) for part in e.children()], magnitudes, stage.height, stage.width)
            known[id(e)] = e.error_bound(inputs, values.value)[:, : stage.height, : stage.width]
        return known[id(e)]

    bounds = (np.concatenate([bound(b) for b in branches]) for branches in stage.results)
    return [np.where(np.isfinite(b), b, np.float32(0)) for b in bounds]
