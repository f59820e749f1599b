# SPDX-License-Identifier: Apache-2.0
"""Shuffles that are written as a Reshape, a Transpose and a Reshape back to a map.

[1, C, H, W] as [1, g, C/g, H, W], axes 0 2 1 3 4        =  Gather of the channels in another order
[1, C, H, W] as [1, C/bb, b, b, H, W], axes 0 1 4 2 5 3  =  DepthToSpace, CRD
[1, C, H, W] as [1, b, b, C/bb, H, W], axes 0 3 4 1 5 2  =  DepthToSpace, DCR
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ..values import constant_node, made_by, shape_of
from .base import Pattern
from .layout import perm_of

CHANNELS = [0, 2, 1, 3, 4]
SQUARES = {"CRD": [0, 1, 4, 2, 5, 3], "DCR": [0, 3, 4, 1, 5, 2]}
"""Order of axes by DepthToSpace's mode."""


class ChannelsToPlaces(Pattern):
    """Reshape(Transpose(Reshape(x)))."""

    op_types = ("Reshape",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """Gather or DepthToSpace."""
        transpose = made_by(node.inputs[0], "Transpose")
        first = None if transpose is None else made_by(transpose.inputs[0], "Reshape")
        if transpose is None or first is None:
            return None
        x, shape, result = first.inputs[0], shape_of(first.inputs[0]), shape_of(node.outputs[0])
        parts, perm = shape_of(first.outputs[0]), perm_of(transpose)
        if shape is None or parts is None or result is None or len(shape) != 4 or shape[0] != 1:
            return None
        if parts[0] != 1 or parts[-2:] != shape[2:]:
            return None
        if perm == CHANNELS and result == shape:
            order = np.arange(shape[1]).reshape(parts[1], -1).T.ravel()
            shuffled: ir.Value = op.Gather(x, constant_node(op, order), axis=1)
            return shuffled
        for mode, axes in SQUARES.items():
            if perm != axes:
                continue
            channels, *block = (parts[1:4]) if mode == "CRD" else (parts[3], *parts[1:3])
            wanted = (1, channels, block[0] * shape[2], block[1] * shape[3])
            if block[0] != block[1] or result != wanted:
                return None
            made: ir.Value = op.DepthToSpace(x, blocksize=block[0], mode=mode)
            return made
        return None
