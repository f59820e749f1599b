# SPDX-License-Identifier: Apache-2.0
"""Ranges of values, and the proof that a value is never a number: what decides how Sign(0) is computed.

    range_of(Relu(x)) = [max(lo, 0), max(hi, 0)], and so on, an operator a line; unknown is [-inf, inf]

Sums and products with constants, and BatchNorms, of one float32 number y are t where y is the root of a y + b = t.
Where no channel's root is a float32 number, the value is never t: implementations may round it to t, or to either side
of it. The root is computed with 60 decimal digits, so a float32 number (24 bits) that it is cannot be missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from .steps import steps_of
from .values import attribute, channels_of, constant, per_channel, producer, shape_of

Range: TypeAlias = tuple[float, float]
UNKNOWN: Range = (-math.inf, math.inf)
DEPTH = 64
"""Operators that are looked through."""
DIGITS = 60
SAME = frozenset({"Identity", "Dropout", "Transpose", "Reshape", "Flatten", "MaxPool", "AveragePool",
                  "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "Slice", "Split", "DepthToSpace",
                  "Unsqueeze", "Squeeze", "Expand", "Tile"})  # fmt: skip
"""Operators whose results are between the least and the greatest of their first input (pads of an average included:
zero is among what is averaged only where the range has it, which `average` adds)."""


def range_of(value: ir.Value | None, depth: int = DEPTH) -> Range:
    """A range that holds every value that is not NaN."""
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
        lo, hi = range_of(node.inputs[0], depth - 1)
        padded = node.op_type == "AveragePool" and any(attribute(node, "pads", [0]))
        return (min(lo, 0.0), max(hi, 0.0)) if padded else (lo, hi)
    rule = RANGES.get(node.op_type)
    return UNKNOWN if rule is None else rule(node, lambda i: range_of(node.inputs[i], depth - 1))


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


# ---- never a number ----

Affine: TypeAlias = tuple[list[Decimal], list[Decimal]]


def never_equals(value: ir.Value, numbers: npt.NDArray[Any]) -> bool:
    """Whether a value is a y + b a channel, of a float32 number y, and at none the channel's number, [C or 1]."""
    with localcontext() as context:
        context.prec = DIGITS
        found = _affine(value)
        if found is None:
            return False
        wanted = [Decimal(float(n)) for n in np.broadcast_to(numbers, (len(found[0]),))]
        return all(_has_no_root(a, b - n) for a, b, n in zip(*found, wanted, strict=True))


def _has_no_root(a: Decimal, b: Decimal) -> bool:
    if a == 0:
        return b != 0
    root = -b / a
    nearest = np.float32(float(root))
    if not np.isfinite(nearest):
        return True
    # every operation rounds to 60 digits: what is nearer than 1e-50 may be equal
    return abs(Decimal(float(nearest)) - root) > abs(root) * Decimal("1e-50")


def _affine(value: ir.Value) -> Affine | None:
    """(a, b) of a chain of BatchNorms and sums and products with constants; None where there is no such operator."""
    chain: list[ir.Node] = []
    shape, channels = shape_of(value), channels_of(value)
    here: ir.Value | None = value
    while len(chain) < DEPTH:
        node = producer(here)
        if node is None or node.domain or _argument(node) is None:
            break
        chain.append(node)
        here = node.inputs[_argument(node) or 0]
    if not chain or shape is None or channels is None:
        return None
    a, b = [Decimal(1)] * channels, [Decimal(0)] * channels
    for node in reversed(chain):
        step = _step(node, shape, channels)
        if step is None:
            return None
        a, b = (
            [p * x for p, x in zip(step[0], a, strict=True)],
            [p * x + q for p, x, q in zip(step[0], b, step[1], strict=True)],
        )
    return a, b


def _argument(node: ir.Node) -> int | None:
    """Which input of an affine operator depends on the image."""
    if node.op_type == "BatchNormalization":
        return 0 if all(constant(i) is not None for i in node.inputs[1:]) else None
    if node.op_type in ("Add", "Sub", "Mul"):
        free = [i for i in (0, 1) if constant(node.inputs[i]) is None]
        return free[0] if len(free) == 1 else None
    if node.op_type == "Div":
        return 0 if constant(node.inputs[1]) is not None and constant(node.inputs[0]) is None else None
    return 0 if node.op_type == "Identity" else None


def _step(node: ir.Node, shape: tuple[int, ...], channels: int) -> Affine | None:
    """(p, q) of p x + q, a channel each."""
    one, zero = [Decimal(1)] * channels, [Decimal(0)] * channels
    if node.op_type == "Identity":
        return one, zero
    if node.op_type == "BatchNormalization":
        gamma, beta, mean, var = ([Decimal(float(v)) for v in _array(constant(i))] for i in node.inputs[1:5])
        epsilon = Decimal(float(np.float32(attribute(node, "epsilon", 1e-5))))
        if any(len(v) != channels for v in (gamma, beta, mean, var)) or min(var) + epsilon <= 0:
            return None
        p = [g / (v + epsilon).sqrt() for g, v in zip(gamma, var, strict=True)]
        return p, [b - m * s for b, m, s in zip(beta, mean, p, strict=True)]
    place = 1 - (_argument(node) or 0)
    k = per_channel(constant(node.inputs[place]), shape)
    if k is None:
        return None
    c = [Decimal(float(x)) for x in np.broadcast_to(k, (channels,))]
    if node.op_type == "Add":
        return one, c
    if node.op_type == "Sub":
        return (one, [-x for x in c]) if place == 1 else ([-x for x in one], c)
    if node.op_type == "Mul":
        return c, zero
    return None if 0 in c else ([1 / x for x in c], zero)


def _array(array: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    return np.zeros(0) if array is None else array.ravel()
