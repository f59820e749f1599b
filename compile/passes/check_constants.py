# SPDX-License-Identifier: Apache-2.0
"""Refuses a program whose constants have become infinite by folding; changes nothing."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ..errors import CompileError
from ..ir.stages import Program
from ..refusals import whole


def check_constants(program: Program) -> Program:
    """Raise CompileError naming the layer where a constant of an expression is not finite."""
    for stage in program.stages:
        for e in stage.expressions():
            arrays = [a for f in fields(e) if isinstance(a := getattr(e, f.name), np.ndarray)]
            if not all(np.isfinite(a).all() for a in arrays):
                raise CompileError(
                    f"layer '{stage.name}': its constants are too large to be folded; train with smaller ones",
                    whole.CONSTANTS,
                )
    return program
