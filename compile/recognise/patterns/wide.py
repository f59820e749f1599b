# SPDX-License-Identifier: Apache-2.0
"""Binary convolutions of more taps than an accumulator of 16 bits holds, as the sum of several over parts of the
channels:

    BinaryConv2d(x; W, scale, offset)  =  scale (sum of BinaryConv2d(x_i; W_i, 1, 0)) + offset
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from ....ops import DOMAIN, VERSION
from ...ir.limits import MAX_DOT_TAPS
from ..values import attribute, constant, constant_node, shape_of, shaped
from .base import Pattern, label

BYTE = 8


class WideBinaryConvolution(Pattern):
    """BinaryConv2d of more than MAX_DOT_TAPS taps, of one group."""

    op_types = ("BinaryConv2d",)
    domains = (DOMAIN,)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Split, several of them, their sum, scale and offset."""
        x, shape, result = node.inputs[0], shape_of(node.inputs[0]), shape_of(node.outputs[0])
        arrays = [constant(i) for i in node.inputs[1:]]
        if x is None or shape is None or result is None or any(a is None for a in arrays):
            return None
        weight, scale, offset, activation_levels, weight_levels, threshold = (np.asarray(a) for a in arrays)
        channels, area = attribute(node, "channels", 0), math.prod(weight.shape[2:])
        most = MAX_DOT_TAPS // area // BYTE * BYTE
        if channels * area <= MAX_DOT_TAPS or attribute(node, "group", 1) != 1 or most == 0:
            return None
        count = -(-channels // most)
        part = -(-channels // count // BYTE) * BYTE
        cuts = [*range(0, channels, part), channels]
        sizes = np.diff(cuts)
        parts = list(op.Split(x, constant_node(op, sizes.astype(np.int64)), axis=1, _outputs=len(sizes)))
        one, zero = np.ones_like(scale), np.zeros_like(offset)
        rest = {k: v for k, v in node.attributes.items() if k != "channels"}
        total: ir.Value | None = None
        for k, (piece, start, size) in enumerate(zip(parts, cuts, sizes, strict=False)):
            shaped(piece, (1, int(size), *shape[2:]))
            bits = weight[:, start // BYTE : -(-(start + size) // BYTE)]
            own = threshold if threshold.size == 1 else threshold[start : start + size]
            constants = [np.ascontiguousarray(a) for a in (bits, one, zero, activation_levels, weight_levels, own)]
            made = op.BinaryConv2d(
                piece, *(constant_node(op, a) for a in constants), **rest, channels=int(size),
                _domain=DOMAIN, _version=VERSION,
            )  # fmt: skip
            made.producer().name = f"{label(node)}.part{k}"
            shaped(made, result)
            total = made if total is None else shaped(op.Add(total, made), result)
        scaled = op.Mul(total, constant_node(op, scale.reshape(1, -1, 1, 1)))
        return op.Add(shaped(scaled, result), constant_node(op, offset.reshape(1, -1, 1, 1)))  # type: ignore[no-any-return]
