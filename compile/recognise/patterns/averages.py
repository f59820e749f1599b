# SPDX-License-Identifier: Apache-2.0
"""The average of a whole map in steps: the mean of equal parts' means is the mean.

    GlobalAveragePool(x) = AveragePool(AveragePool(x, k1), k2) ...      k1 k2 ... the map's sides

so that no step reads more rows than a stage has. A depth-wise convolution of the map's size whose weights are equal is
such a mean, times their sum. A side with a prime factor above LARGEST stays, and is refused by the importer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from ..values import attribute, constant, constant_node, shape_of, shaped
from .base import Pattern

LARGEST = 8
"""The longest side of a window (MAX_AVERAGE of the importer)."""
ROWS = 32
"""Rows that a convolution's stage reads at most: one of fewer is compiled as it is."""


class AverageOfAll(Pattern):
    """GlobalAveragePool, AveragePool and Conv that give the mean of each channel."""

    op_types = ("GlobalAveragePool", "AveragePool", "Conv")

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Averages of small windows."""
        x, shape = node.inputs[0], shape_of(node.inputs[0])
        if x is None or shape is None or len(shape) != 4:
            return None
        factor: np.ndarray | None = None
        if node.op_type == "AveragePool" and (not is_whole(node, shape) or not is_divisible(shape[2:])):
            return None  # what is made below is none of these, or there would be no end
        if node.op_type == "Conv":
            factor = factors(node, shape)
            if factor is None:
                return None
        sides: tuple[int, ...] = shape[2:]
        y: ir.Value = x
        while max(sides) > 1:
            kernel = [part_of(side) for side in sides]
            y = op.AveragePool(y, kernel_shape=kernel, strides=[k if k <= LARGEST else 1 for k in kernel])
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


def is_whole(node: ir.Node, shape: tuple[int, ...]) -> bool:
    """Whether an AveragePool's window is the map."""
    return tuple(attribute(node, "kernel_shape", [])) == shape[2:] and not any(attribute(node, "pads", [0]))


def is_divisible(sides: tuple[int, ...]) -> bool:
    """Whether a window of these sides becomes smaller ones."""
    return max(sides) > LARGEST and any(part_of(side) < side for side in sides)


def factors(node: ir.Node, shape: tuple[int, ...]) -> np.ndarray | None:
    """Sums of the weights [C] of a depth-wise convolution of the map's size, all equal, too tall for a stage."""
    weight = constant(node.inputs[1])
    if weight is None or weight.shape != (shape[1], 1, *shape[2:]) or attribute(node, "group", 1) != shape[1]:
        return None
    if any(attribute(node, "pads", [0])) or shape[2] <= ROWS or not (weight == weight[:, :, :1, :1]).all():
        return None
    return (weight[:, 0, 0, 0].astype(np.float64) * math.prod(shape[2:])).astype(np.float32)


def part_of(side: int) -> int:
    """The largest divisor of a side up to LARGEST; the side itself where it has none."""
    return next((d for d in range(min(side, LARGEST), 1, -1) if side % d == 0), side)
