# SPDX-License-Identifier: Apache-2.0
"""The average of a whole map in steps: the mean of equal parts' means is the mean.

    GlobalAveragePool(x) = AveragePool(AveragePool(x, k1), k2) ...      k1 k2 ... the map's sides

so that no step reads more rows than a stage has. A depth-wise convolution of the map's size whose weights are equal is
such a mean, times their sum. A window of many pixels is one of rows, and one of columns of that:

    AveragePool(x, [h, w])  =  AveragePool(AveragePool(x, [h, 1]), [1, w])

A window of more than ROWS rows or columns that has no small factor stays, and is refused by the importer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from ..values import attribute, constant, constant_node, shape_of, shaped
from .base import Pattern

LARGEST = 8
"""The longest side of a window of a map's mean."""
PIXELS = 64
"""The most pixels of a window (MAX_AVERAGE of the importer)."""
ROWS = 32
"""Rows that a convolution's stage reads at most: one of fewer is compiled as it is."""
STRIDE = 16
"""The longest stride of a window (MAX_STRIDE of the importer)."""


class AverageOfAll(Pattern):
    """GlobalAveragePool, AveragePool and Conv that give the mean of each channel."""

    op_types = ("GlobalAveragePool", "AveragePool", "Conv")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Averages of small windows."""
        x, shape = node.inputs[0], shape_of(node.inputs[0])
        if x is None or shape is None or len(shape) != 4:
            return None
        factor: np.ndarray | None = None
        if node.op_type == "AveragePool" and (not is_whole(node, shape) or not any(has_parts(s) for s in shape[2:])):
            return in_two(op, node, shape)
        if node.op_type == "Conv":
            factor = factors(node, shape)
            if factor is None:
                return None
        sides: tuple[int, ...] = shape[2:]
        y: ir.Value = x
        while max(sides) > 1:
            kernel = [part_of(side) for side in sides]
            y = op.AveragePool(y, kernel_shape=kernel, strides=[k if k <= STRIDE else 1 for k in kernel])
            sides = tuple(side // k for side, k in zip(sides, kernel, strict=True))
            shaped(y, (*shape[:2], *sides))
        if y is x:
            y = op.Identity(x)
        if factor is not None:
            y = op.Mul(y, constant_node(op, factor.reshape(1, -1, 1, 1)))
            bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
            if bias is not None:
                y = op.Add(shaped(y, (*shape[:2], 1, 1)), constant_node(op, bias.reshape(1, -1, 1, 1)))
        return y


def in_two(op: Any, node: ir.Node, shape: tuple[int, ...]) -> ir.Value | None:
    """An AveragePool of many pixels as one of rows, and one of columns; None for others."""
    kernel, strides = attribute(node, "kernel_shape", [1, 1]), attribute(node, "strides", [1, 1])
    simple = not any(attribute(node, "pads", [0])) and set(attribute(node, "dilations", [1])) == {1}
    if math.prod(kernel) <= PIXELS or 1 in kernel or not simple or attribute(node, "ceil_mode", 0):
        return None
    rows = op.AveragePool(node.inputs[0], kernel_shape=[kernel[0], 1], strides=[strides[0], 1])
    shaped(rows, (*shape[:2], (shape[2] - kernel[0]) // strides[0] + 1, shape[3]))
    made: ir.Value = op.AveragePool(rows, kernel_shape=[1, kernel[1]], strides=[1, strides[1]])
    return made


def is_whole(node: ir.Node, shape: tuple[int, ...]) -> bool:
    """Whether an AveragePool's window is the map."""
    return tuple(attribute(node, "kernel_shape", [])) == shape[2:] and not any(attribute(node, "pads", [0]))


def factors(node: ir.Node, shape: tuple[int, ...]) -> np.ndarray | None:
    """Sums of the weights [C] of a depth-wise convolution of the map's size, all equal, too tall for a stage."""
    weight = constant(node.inputs[1])
    if weight is None or weight.shape != (shape[1], 1, *shape[2:]) or attribute(node, "group", 1) != shape[1]:
        return None
    if any(attribute(node, "pads", [0])) or shape[2] <= ROWS or not (weight == weight[:, :, :1, :1]).all():
        return None
    return (weight[:, 0, 0, 0].astype(np.float64) * math.prod(shape[2:])).astype(np.float32)


def has_parts(side: int) -> bool:
    """Whether the mean of a side is better one of means."""
    return part_of(side) < side


def part_of(side: int) -> int:
    """The largest divisor of a side up to LARGEST; the side itself where it has none."""
    return next((d for d in range(min(side, LARGEST), 1, -1) if side % d == 0), side)
