# SPDX-License-Identifier: Apache-2.0
"""A map that is expanded to another's size beside it, which an operator of both does by itself (`y.expand_as(x)`):

f(x, Expand(y))  =  f(x, y)      f a sum, difference, product or quotient, x of the result's size
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from ..values import made_by, shape_of
from .base import Pattern


class ExpandedBeside(Pattern):
    """Add, Sub, Mul, Div of a map and an Expand."""

    op_types = ("Add", "Sub", "Mul", "Div")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The same of what is expanded."""
        result = shape_of(node.outputs[0])
        for place in (0, 1):
            expand, other = made_by(node.inputs[place], "Expand"), node.inputs[1 - place]
            if expand is None or result is None or shape_of(other) != result:
                continue
            source = shape_of(expand.inputs[0])
            if source is None or len(source) != len(result):
                continue
            inputs = list(node.inputs)
            inputs[place] = expand.inputs[0]
            made: ir.Value = getattr(op, node.op_type)(*inputs)
            return made
        return None
