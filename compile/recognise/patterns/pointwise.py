# SPDX-License-Identifier: Apache-2.0
"""A point-wise function of step functions of one argument is a step function:

    f(Steps(x; t, v), Steps(x; u, w), c)  =  Steps(x; t and u, f(v, w, c))

with f computed on the levels, as ONNX computes it, in float32. So Sign->Add->Sign, Sign->Equal->Where, comparisons with
Cast, Mul and Sub, and Where of any two levels are this one pattern. A step at which nothing changes is dropped.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import onnx_ir as ir

from .. import foreign_ops
from ..steps import Steps, common, steps_node, steps_of
from ..values import Array, constant, evaluate_node, per_channel, shape_of
from .base import Pattern

POINTWISE: tuple[str, ...] = (
    "Abs", "Add", "And", "Cast", "Ceil", "Clip", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Greater",
    "GreaterOrEqual", "HardSigmoid", "HardSwish", "LeakyRelu", "Less", "LessOrEqual", "Max", "Min", "Mul", "Neg",
    "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Softplus", "Softsign",
    "Sqrt", "Sub", "Tanh", "Where", "Xor",
)  # fmt: skip
MAX_LEVELS = 16


class PointwiseOfSteps(Pattern):
    """An operator that works on each value for itself, all of whose inputs are step functions or constants."""

    op_types: ClassVar[tuple[str, ...]] = POINTWISE

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The step function of mapped levels."""
        shape = shape_of(node.outputs[0])
        if shape is None or len(shape) < 2 or len(node.outputs) != 1:
            return None
        found = [None if i is None or constant(i) is not None else steps_of(i) for i in node.inputs]
        arguments = [f[0] for f in found if f is not None]
        if not arguments or any(a is not arguments[0] for a in arguments):
            return None
        if any(f is None and i is not None and constant(i) is None for f, i in zip(found, node.inputs, strict=True)):
            return None
        if shape_of(arguments[0]) != shape:
            return None
        functions = common([f[1] for f in found if f is not None])
        if functions is None or functions[0].count >= MAX_LEVELS:
            return None
        pending = iter(functions)
        inputs: list[Array | None] = []
        for value, steps in zip(node.inputs, found, strict=True):
            given = as_map(next(pending).levels, len(shape)) if steps else channel_constant(value, shape)
            if value is not None and given is None:
                return None
            inputs.append(given)
        results = evaluate_node(node, inputs)
        if results is None or results[0].ndim != len(shape) or results[0].shape[2:] != (1,) * (len(shape) - 2):
            return None
        levels = results[0].reshape(results[0].shape[:2])
        if len(levels) != functions[0].count + 1:
            return None
        return steps_node(op, arguments[0], Steps(functions[0].thresholds, narrow(levels)).simplified())


class QuantizedSteps(PointwiseOfSteps):
    """The same with the quantizers of Brevitas, QONNX and FINN."""

    op_types = tuple(t for t in foreign_ops.TEXTS if t != "MultiThreshold")
    domains = foreign_ops.DOMAINS


def as_map(levels: Array, rank: int) -> Array:
    """Levels [K + 1, C] as maps of one pixel."""
    return levels.reshape(levels.shape + (1,) * (rank - 2))


def channel_constant(value: ir.Value | None, shape: tuple[int, ...]) -> Array | None:
    """A constant a channel as [1, C, 1, ...]; None where it is none."""
    array = constant(value)
    if array is None or array.size == 1:
        return array
    vector = per_channel(array, shape)
    return None if vector is None else vector.reshape((1, -1) + (1,) * (len(shape) - 2))


def narrow(levels: Array) -> Array:
    """One column where all are equal."""
    return levels[:, :1] if (levels == levels[:, :1]).all() else np.ascontiguousarray(levels)
