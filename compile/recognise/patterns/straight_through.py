# SPDX-License-Identifier: Apache-2.0
"""Straight-through estimators that an exporter has left in: the step s forwards, the smooth e backwards.

    (s - e) + e  =  e + (s - e)  =  s

whatever e is: a polynomial (Bi-Real), Clip, Tanh, a hard tanh. In float32 the sum is off by half a last place of s - e,
so that levels are no longer exact and e has to be computed; s is what was meant.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from ..steps import steps_of
from ..values import made_by, shape_of
from .base import Pattern


class StraightThrough(Pattern):
    """Add(Sub(s, e), e), s a step function."""

    op_types = ("Add",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The step function itself."""
        for difference, e in (node.inputs, node.inputs[::-1]):
            sub = made_by(difference, "Sub")
            if sub is None or sub.inputs[1] is not e or shape_of(sub.inputs[0]) != shape_of(node.outputs[0]):
                continue
            if steps_of(sub.inputs[0]) is not None:
                self.context.is_approximate = True
                made: ir.Value = op.Identity(sub.inputs[0])
                return made
        return None
