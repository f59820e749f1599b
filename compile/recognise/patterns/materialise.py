# SPDX-License-Identifier: Apache-2.0
"""A step function that no binary convolution reads, as a map of numbers:

    Steps(x; t, v)[c] = sum over steps of BinaryConv2d of 1x1, a group for each channel, its one weight +1

The same bit planes as a convolution's, so levels come out exactly where they are sums of powers of two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ..steps import DOMAIN, steps_of
from ..values import constant_node, shape_of, shaped
from ..weights import TwoLevels
from .base import Pattern
from .convolution import SIGNS, Plane, plane_node


class StepsAsMap(Pattern):
    """Steps of a map [N, C, H, W]."""

    op_types = ("Steps",)
    domains = (DOMAIN,)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """The sum of a depth-wise BinaryConv2d for each step."""
        found, shape = steps_of(node.outputs[0]), shape_of(node.outputs[0])
        if found is None or shape is None or len(shape) != 4:
            return None
        x, steps = found
        channels = shape[1]
        ones = TwoLevels(np.ones((channels, 1, 1, 1), bool), np.tile(SIGNS, (channels, 1)), 0.0)
        levels = np.broadcast_to(steps.levels.astype(np.float64), (steps.count + 1, channels))
        halves, middle = np.diff(levels, axis=0) / 2, (levels[0] + levels[-1]) / 2
        geometry = {"strides": [1, 1], "dilations": [1, 1], "pads": [0, 0, 0, 0], "group": channels, "channels": 1}
        if not steps.count:  # a constant, which depends on the image by name alone
            none = shaped(op.Mul(x, constant_node(op, np.zeros(1, np.float32))), shape)
            total = op.Add(none, constant_node(op, levels.astype(np.float32).reshape(1, -1, 1, 1)))
            return op.Cast(shaped(total, shape), to=ir.DataType.BOOL) if steps.levels.dtype == bool else total
        total = None
        for k in range(steps.count):
            name = f"{node.outputs[0].name}.plane{k}"
            plane = Plane(steps.thresholds[k], halves[k], 0.0, middle if k == 0 else 0 * middle, name)
            result = shaped(plane_node(op, x, plane, ones, geometry), shape)
            total = result if total is None else shaped(op.Add(total, result), shape)
        if total is not None and steps.levels.dtype == bool:  # which no kernel reads: the importer names who does
            return op.Cast(total, to=ir.DataType.BOOL)  # type: ignore[no-any-return]
        return total
