# SPDX-License-Identifier: Apache-2.0
"""Sign and comparisons with constants as step functions.

    Sign(x)    = -1 below 0, 0 at 0, +1 above:  steps at 0 and at the smallest number above 0
    x >= c     = a step at c                    x > c  = a step at the smallest number above c
    x == c     = a step up at c and one down just above

Whether the value at 0 can occur is asked later (`impossible_levels`), when what follows has been taken in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ..steps import Steps, above, steps_node
from ..values import constant, per_channel, shape_of
from .base import Pattern

MIRRORED = {
    "Greater": "Less",
    "GreaterOrEqual": "LessOrEqual",
    "Less": "Greater",
    "LessOrEqual": "GreaterOrEqual",
    "Equal": "Equal",
}


class SignOfValue(Pattern):
    """Sign(x)."""

    op_types = ("Sign",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Two steps and the level between."""
        (x,) = node.inputs
        if x is None or x.dtype != ir.DataType.FLOAT or constant(x) is not None:
            return None
        thresholds = np.array([[0], [above(0)]], np.float32)
        return steps_node(op, x, Steps(thresholds, np.array([[-1], [0], [1]], np.float32)))


class Comparison(Pattern):
    """x >= c and its kin, c a value a channel."""

    op_types = tuple(MIRRORED)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """One step of a truth value; two for Equal."""
        kind = node.op_type
        x, c = node.inputs
        if constant(x) is not None:
            x, c, kind = c, x, MIRRORED[kind]
        limit = per_channel(constant(c), shape_of(x))
        if x is None or x.dtype != ir.DataType.FLOAT or limit is None or constant(x) is not None:
            return None
        if shape_of(x) != shape_of(node.outputs[0]):  # the constant has more pixels
            return None
        if not np.isfinite(limit).all():
            return None
        row = limit.astype(np.float32)[None] + np.float32(0)
        upwards = np.array([[False], [True]])
        if kind == "Equal":
            return steps_node(op, x, Steps(np.concatenate([row, above(row)]), np.array([[False], [True], [False]])))
        is_strict = kind in ("Greater", "LessOrEqual")
        levels = upwards if kind.startswith("Greater") else ~upwards
        return steps_node(op, x, Steps(above(row) if is_strict else row, levels))
