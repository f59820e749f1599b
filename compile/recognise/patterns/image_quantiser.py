# SPDX-License-Identifier: Apache-2.0
"""A quantizer of 3 to 24 bits that the image goes through, in standard operators, as its own body has them:

    Quant(x, s, z, bits)  =  (Round(Clip(x / s + z, lower, upper)) - z) s

Of the image alone, whose pixels are exact: behind a sum, rounding would decide beside each half.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from .. import foreign_ops
from ..values import Array, attribute, constant, constant_node, producer, shape_of, shaped
from .base import Pattern
from .pointwise import POINTWISE, channel_constant

FEWEST, MOST = 3, 24
"""Bits: fewer are steps, more are no whole numbers of float32."""


class QuantOfImage(Pattern):
    """Quant of a point-wise function of an input."""

    op_types = ("IntQuant", "Quant")
    domains = foreign_ops.DOMAINS

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Quotient, Clip, Round and product."""
        x, shape = node.inputs[0], shape_of(node.inputs[0])
        bits = constant(node.inputs[3])
        if x is None or shape is None or bits is None or bits.size != 1 or not FEWEST <= float(bits.item()) <= MOST:
            return None
        scale, zero = (channel_constant(i, shape) for i in node.inputs[1:3])
        if scale is None or zero is None or (scale <= 0).any() or not is_of_image(x):
            return None
        signed, narrow = (int(attribute(node, n, 1)) for n in ("signed", "narrow"))
        lower, upper = bounds(float(bits.item()), signed, narrow)

        def made(value: ir.Value) -> ir.Value:
            return shaped(value, shape)

        scaled = made(op.Div(x, constant_node(op, scale)))
        shifted = made(op.Add(scaled, constant_node(op, zero))) if zero.any() else scaled
        clipped = made(op.Clip(shifted, constant_node(op, lower), constant_node(op, upper)))
        rounded = made(op.Round(clipped))
        centred = made(op.Sub(rounded, constant_node(op, zero))) if zero.any() else rounded
        result: ir.Value = op.Mul(centred, constant_node(op, scale))
        return result


def bounds(bits: float, signed: int, narrow: int) -> tuple[Array, Array]:
    """The least and the largest whole number, as Quant's body has them."""
    power = 2.0 ** (bits - signed)
    lower, upper = signed * (narrow - power), power - 1 - (1 - signed) * narrow
    return np.array(lower, np.float32), np.array(upper, np.float32)


def is_of_image(value: ir.Value) -> bool:
    """Whether a value is an input, but for constants, functions of each pixel, and its layout."""
    while constant(value) is None:
        node = producer(value)
        if node is None:
            return True
        if node.domain or node.op_type not in (*POINTWISE, "Transpose", "Flatten", "Reshape"):
            return False
        free = [i for i in node.inputs if i is not None and constant(i) is None]
        if len(free) != 1:
            return False
        (value,) = free
    return False
