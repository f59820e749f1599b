# SPDX-License-Identifier: Apache-2.0
"""The maximum of steps is the step of the maximum, where levels rise:

    MaxPool(Steps(x; t, v)) = Steps(MaxPool(x); t, v)      v[0] <= v[1] <= ...

so a binary convolution reads bits that are packed after the pooling. What is padded counts for nothing on both sides.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from ..steps import steps_node, steps_of
from ..values import shape_of, shaped
from .base import Pattern


class MaxPoolOfSteps(Pattern):
    """MaxPool(Steps(x))."""

    op_types = ("MaxPool", "GlobalMaxPool")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Steps(MaxPool(x))."""
        found, shape = steps_of(node.inputs[0]), shape_of(node.outputs[0])
        if found is None or shape is None or len(node.outputs) != 1:
            return None
        value, steps = found
        if steps.levels.dtype == bool or not (steps.levels[1:] >= steps.levels[:-1]).all():
            return None
        pooled = getattr(op, node.op_type)(value, **node.attributes)
        return steps_node(op, shaped(pooled, shape, value), steps)
