# SPDX-License-Identifier: Apache-2.0
"""A sum that touches some channels alone, as MeliusNet's improvement blocks write it:

x + Pad(y, channels by 0)  =  Concat(x's first, x's that y is of + y, x's last)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ..values import attribute, constant, constant_node, made_by, shape_of, shaped
from .base import Pattern


class SumWithPaddedChannels(Pattern):
    """Add(x, Pad(y))."""

    op_types = ("Add",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Split, Add, Concat."""
        shape = shape_of(node.outputs[0])
        for x, padded in (node.inputs, node.inputs[::-1]):
            pad = made_by(padded, "Pad")
            y = None if pad is None else pad.inputs[0]
            widths = None if pad is None else channel_pads(pad)
            small = shape_of(y)
            if x is None or y is None or widths is None or small is None or shape is None or shape_of(x) != shape:
                continue
            sizes = [w for w in (widths[0], small[1], widths[1]) if w]
            place = 1 if widths[0] else 0
            if len(sizes) == 1:
                continue
            parts = list(op.Split(x, constant_node(op, np.array(sizes, np.int64)), axis=1, _outputs=len(sizes)))
            for part, size in zip(parts, sizes, strict=True):
                shaped(part, (shape[0], size, *shape[2:]))
            parts[place] = shaped(op.Add(parts[place], y), small)
            made: ir.Value = op.Concat(*parts, axis=1)
            return made
        return None


def channel_pads(node: ir.Node) -> tuple[int, int] | None:
    """(before, after) of a Pad of channels by 0."""
    pads, shape = constant(node.inputs[1]), shape_of(node.inputs[0])
    value = constant(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else np.zeros(1)
    if attribute(node, "mode", "constant") != "constant" or pads is None or shape is None or len(shape) != 4:
        return None
    if value is None or value.any() or len(pads) != 8 or (pads < 0).any() or pads[[0, 2, 3, 4, 6, 7]].any():
        return None
    return int(pads[1]), int(pads[5])
