# SPDX-License-Identifier: Apache-2.0
"""Ranges of values: what a Relu or a Clip before a sign says of it.

range_of(Relu(x)) = [max(lo, 0), max(hi, 0)], and so on, an operator a line; unknown is [-inf, inf]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from .steps import steps_of
from .values import attribute, constant, producer

Range: TypeAlias = tuple[float, float]
UNKNOWN: Range = (-math.inf, math.inf)
DEPTH = 64
"""Operators that are looked through."""
DIGITS = 60
SAME = frozenset({"Identity", "Dropout", "Transpose", "Reshape", "Flatten", "MaxPool", "AveragePool",
                  "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "Slice", "Split", "DepthToSpace", "Gather",
                  "Unsqueeze", "Squeeze", "Expand", "Tile"})  # fmt: skip
"""Operators whose results are between the least and the greatest of their first input (pads of an average included:
zero is among what is averaged only where the range has it, which `average` adds)."""


def range_of(value: ir.Value | None) -> Range:
    """A range that holds every value that is not NaN."""
    return _range(value, DEPTH, {})


def _range(value: ir.Value | None, depth: int, known: dict[int, Range]) -> Range:
    """The same; `known` has what was asked before, or a sum of sums would ask for its parts twice each time."""
    if id(value) not in known:
        known[id(value)] = _range_by_rule(value, depth, known)
    return known[id(value)]


def _range_by_rule(value: ir.Value | None, depth: int, known: dict[int, Range]) -> Range:
    array = constant(value)
    if array is not None:
        return (float(array.min()), float(array.max())) if array.size and array.dtype.kind in "fiub" else UNKNOWN
    found = steps_of(value)
    if found:
        return float(found[1].levels.min()), float(found[1].levels.max())
    node = producer(value)
    if node is None or node.domain or depth == 0:
        return UNKNOWN
    if node.op_type in SAME:
        lo, hi = _range(node.inputs[0], depth - 1, known)
        padded = node.op_type == "AveragePool" and any(attribute(node, "pads", [0]))
        return (min(lo, 0.0), max(hi, 0.0)) if padded else (lo, hi)
    rule = RANGES.get(node.op_type)
    return UNKNOWN if rule is None else rule(node, lambda i: _range(node.inputs[i], depth - 1, known))


Inputs: TypeAlias = Callable[[int], Range]


def _bounds(corners: list[float]) -> Range:
    return UNKNOWN if any(math.isnan(c) for c in corners) else (min(corners), max(corners))


def _monotone(f: Callable[[float], float]) -> Callable[[ir.Node, Inputs], Range]:
    return lambda node, of: _bounds([f(of(0)[0]), f(of(0)[1])])


def _clip(node: ir.Node, of: Inputs) -> Range:
    (lo, hi), limits = of(0), [-math.inf, math.inf]
    for i in (1, 2):
        if len(node.inputs) > i and node.inputs[i] is not None:
            limits[i - 1] = of(i)[i - 1] if constant(node.inputs[i]) is not None else limits[i - 1]
    return min(max(lo, limits[0]), limits[1]), min(max(hi, limits[0]), limits[1])


def _add(node: ir.Node, of: Inputs) -> Range:
    return of(0)[0] + of(1)[0], of(0)[1] + of(1)[1]


def _sub(node: ir.Node, of: Inputs) -> Range:
    return of(0)[0] - of(1)[1], of(0)[1] - of(1)[0]


def _mul(node: ir.Node, of: Inputs) -> Range:
    if node.inputs[0] is node.inputs[1]:
        low, high = of(0)
        return (0.0 if low <= 0 <= high else min(low * low, high * high)), max(low * low, high * high)
    return _bounds([0.0 if 0 in (a, b) else a * b for a in of(0) for b in of(1)])


def _div(node: ir.Node, of: Inputs) -> Range:
    lo, hi = of(1)
    return UNKNOWN if lo <= 0 <= hi else _bounds([a / b if math.isfinite(b) else 0.0 for a in of(0) for b in (lo, hi)])


def _concat(node: ir.Node, of: Inputs) -> Range:
    ranges = [of(i) for i in range(len(node.inputs))]
    return min(r[0] for r in ranges), max(r[1] for r in ranges)


RANGES: dict[str, Callable[[ir.Node, Inputs], Range]] = {
    "Relu": _monotone(lambda x: max(x, 0.0)),
    "Clip": _clip,
    "Sigmoid": lambda node, of: (0.0, 1.0),
    "HardSigmoid": lambda node, of: (0.0, 1.0),
    "Softmax": lambda node, of: (0.0, 1.0),
    "Tanh": lambda node, of: (max(-1.0, min(of(0)[0], 0.0)), min(1.0, max(of(0)[1], 0.0))),
    "Sign": _monotone(lambda x: float(np.sign(x))),
    "Abs": lambda node, of: (0.0, max(abs(of(0)[0]), abs(of(0)[1]))),
    "Neg": lambda node, of: (-of(0)[1], -of(0)[0]),
    "Exp": lambda node, of: (0.0, math.inf),
    "Sqrt": lambda node, of: (0.0, math.inf),
    "Softplus": lambda node, of: (0.0, math.inf),
    "Round": _monotone(lambda x: float(np.round(x))),
    "Floor": _monotone(lambda x: float(np.floor(x))),
    "Ceil": _monotone(lambda x: float(np.ceil(x))),
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Concat": _concat,
    "Max": lambda node, of: (max(of(i)[0] for i in range(len(node.inputs))),
                             max(of(i)[1] for i in range(len(node.inputs)))),
    "Min": lambda node, of: (min(of(i)[0] for i in range(len(node.inputs))),
                             min(of(i)[1] for i in range(len(node.inputs)))),
    "Cast": lambda node, of: of(0) if attribute(node, "to", 0) == ir.DataType.FLOAT else UNKNOWN,
    "ReduceSum": lambda node, of: (0.0 if of(0)[0] >= 0 else -math.inf, 0.0 if of(0)[1] <= 0 else math.inf),
}  # fmt: skip
