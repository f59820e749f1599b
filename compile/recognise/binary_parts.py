# SPDX-License-Identifier: Apache-2.0
"""Parts of a binary convolution in a graph of step functions: Conv(Steps(x), w), perhaps of a constant Pad; or why a
convolution is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from .steps import MAX_STEPS, Steps, steps_of
from .values import attribute, constant, made_by, shape_of
from .weights import TwoLevels, two_levels

Geometry = dict[str, Any]
Parts = tuple[ir.Value, Steps, TwoLevels, Geometry, float]


def binary_parts(node: ir.Node) -> Parts | str:
    """(argument, steps, weights, geometry, what a padded tap is) of a binary convolution, or why it is none."""
    source, weight = node.inputs[0], constant(node.inputs[1])
    pads, fill = attribute(node, "pads", [0, 0, 0, 0]), 0.0
    found = steps_of(source)
    pad = made_by(source, "Pad")
    if found is None and pad is not None and steps_of(pad.inputs[0]) is not None:
        extended = constant_pad(pad)
        if extended is None:
            return "its Pad is not of height and width, or not by a constant"
        if any(pads) and any(extended[0]) and extended[1] != 0:
            return f"it pads with 0 after a Pad with {extended[1]}"
        pads = [a + b for a, b in zip(pads, extended[0], strict=True)]
        fill = extended[1]
        found = steps_of(pad.inputs[0])
    if found is None:
        return "its activations are not binarized"
    x, steps = found
    if weight is None:
        return "its weights are no constant"
    if weight.ndim != 4 or len(pads) != 4 or attribute(node, "auto_pad", "NOTSET") != "NOTSET":
        return "it is not of two dimensions with explicit pads"
    if steps.levels.dtype == bool:
        return "its activations are truth values"
    if not steps.uniform:
        return "the levels of its activations differ from channel to channel"
    if steps.count == 0:
        return "its activations are constant"
    if steps.count > MAX_STEPS:
        return f"its activations have {steps.count + 1} levels: two (one bit) to four (two bits) are supported"
    if len(node.inputs) > 2 and node.inputs[2] is not None and constant(node.inputs[2]) is None:
        return "its bias is no constant"
    weights = two_levels(weight)
    if isinstance(weights, str):
        return weights
    geometry = {
        "strides": attribute(node, "strides", [1, 1]),
        "dilations": attribute(node, "dilations", [1, 1]),
        "pads": pads,
        "group": attribute(node, "group", 1),
        "channels": weight.shape[1],
    }
    return x, steps, weights, geometry, fill


def constant_pad(node: ir.Node) -> tuple[list[int], float] | None:
    """([top, left, bottom, right], value) of a constant Pad of height and width."""
    pads, shape = constant(node.inputs[1]), shape_of(node.inputs[0])
    if attribute(node, "mode", "constant") != "constant" or pads is None or shape is None or len(shape) != 4:
        return None
    value = constant(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else np.zeros(1)
    axes = constant(node.inputs[3]) if len(node.inputs) > 3 and node.inputs[3] is not None else np.arange(4)
    if value is None or axes is None or value.size != 1 or (pads < 0).any():
        return None
    before, after = np.zeros(4, int), np.zeros(4, int)
    before[axes], after[axes] = pads[: len(axes)], pads[len(axes) :]
    if before[:2].any() or after[:2].any():
        return None
    return [*map(int, before[2:]), *map(int, after[2:])], float(value.item())
