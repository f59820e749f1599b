# SPDX-License-Identifier: Apache-2.0
"""The meaning of a stage: its numpy evaluation, the yardstick of the kernels' tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.buffers import F32
from ..ir.expressions import Expr, Inputs
from ..ir.stages import Stage

Array = npt.NDArray[Any]


@dataclass
class Evaluation:
    """The values of a stage's nodes, given the stored forms that its maps' buffers (by name) hold."""

    stage: Stage
    stored: Mapping[str, Array]
    known: dict[int, Array] = field(default_factory=dict)

    def value(self, e: Expr) -> Array:
        """A node's value [channels, height, width], computed once."""
        if id(e) not in self.known:
            parts = [self.value(part) for part in e.children()]
            whole = e.reference(Inputs(parts, self.stored, self.stage.height, self.stage.width))
            self.known[id(e)] = whole[:, : self.stage.height, : self.stage.width]  # a window's may be cropped
        return self.known[id(e)]


def evaluate(stage: Stage, stored: Mapping[str, Array]) -> list[F32]:
    """The value [C, H, W] float32 that each output is made from (of packed bits the one whose sign they are), given the
    stored forms that the stage's buffers (by name) hold."""
    values = Evaluation(stage, stored)
    return [np.concatenate([values.value(b) for b in branches]) for branches in stage.results]
