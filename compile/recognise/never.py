# SPDX-License-Identifier: Apache-2.0
"""The proof that a value is never a number, by which Sign(0) needs no level of its own.

Sums and products with constants, and BatchNorms, of one number y are t where y is the root of a y + b = t, a channel.

    y a float32 number     t is never there where no channel's root is a float32 number; the root is computed with 60
                           decimal digits, so one that it is (24 bits) cannot be missed
    y a binary             a whole multiple of its scale: never where no root is a whole number, as for a BatchNorm's
    convolution's sum      bias that is no multiple of the scale

Implementations may round such a value to t, or to either side of it, as they may any number so near.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from .binary_parts import binary_parts
from .values import attribute, channels_of, constant, made_by, per_channel, producer, shape_of

DEPTH = 64
"""Operators that are looked through."""
DIGITS = 60
WHOLE = Decimal("1e-3")
"""Distance of a root from a whole number below which rounding may make it one."""


Affine: TypeAlias = tuple[list[Decimal], list[Decimal]]
Chain: TypeAlias = tuple[list[Decimal], list[Decimal], bool]


def never_equals(value: ir.Value, numbers: npt.NDArray[Any]) -> bool:
    """Whether a value is a y + b a channel, of a float32 number y, and at none the channel's number, [C or 1]."""
    with localcontext() as context:
        context.prec = DIGITS
        found = _affine(value)
        if found is None:
            return False
        a, b, is_whole = found
        wanted = [Decimal(float(n)) for n in np.broadcast_to(numbers, (len(a),))]
        no_root = _has_no_whole_root if is_whole else _has_no_root
        return all(no_root(p, q - n) for p, q, n in zip(a, b, wanted, strict=True))


def _has_no_root(a: Decimal, b: Decimal) -> bool:
    if a == 0:
        return b != 0
    root = -b / a
    nearest = np.float32(float(root))
    if not np.isfinite(nearest):
        return True
    # every operation rounds to 60 digits: what is nearer than 1e-50 may be equal
    return abs(Decimal(float(nearest)) - root) > abs(root) * Decimal("1e-50")


def _has_no_whole_root(a: Decimal, b: Decimal) -> bool:
    """The same of whole numbers."""
    if a == 0:
        return b != 0
    root = -b / a
    return abs(root - root.to_integral_value()) > WHOLE


def _sums(value: ir.Value | None) -> Affine | None:
    """(scale, offset) a channel of a binary convolution whose sums are whole multiples of its scale."""
    node = made_by(value, "Conv")
    found = None if node is None else binary_parts(node)
    if node is None or found is None or isinstance(found, str):
        return None
    _, steps, weights, _, fill = found
    levels = steps.levels[:, 0].astype(np.float64)
    unit = np.abs(levels).max()
    multiples = np.append(levels, fill) / unit
    if not weights.is_symmetric or np.abs(multiples - np.round(multiples)).max() > 1e-6:
        return None
    scale = [Decimal(float(s)) * Decimal(float(unit)) for s in weights.levels[:, 1]]
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    return scale, [Decimal(0)] * len(scale) if bias is None else [Decimal(float(b)) for b in bias]


def _affine(value: ir.Value) -> Chain | None:
    """(a, b, whether y is whole) of a chain of BatchNorms and sums and products with constants; None where there is no
    such operator."""
    chain: list[ir.Node] = []
    shape, channels = shape_of(value), channels_of(value)
    here: ir.Value | None = value
    while len(chain) < DEPTH:
        node = producer(here)
        if node is None or node.domain or _argument(node) is None:
            break
        chain.append(node)
        here = node.inputs[_argument(node) or 0]
    sums = _sums(here)
    if (not chain and sums is None) or shape is None or channels is None:
        return None
    a, b = sums or ([Decimal(1)] * channels, [Decimal(0)] * channels)
    for node in reversed(chain):
        step = _step(node, shape, channels)
        if step is None:
            return None
        a, b = (
            [p * x for p, x in zip(step[0], a, strict=True)],
            [p * x + q for p, x, q in zip(step[0], b, step[1], strict=True)],
        )
    return a, b, sums is not None


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
