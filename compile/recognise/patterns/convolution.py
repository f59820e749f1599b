# SPDX-License-Identifier: Apache-2.0
"""A convolution of steps by two-level weights as BinaryConv2d, with levels -1 and +1 on both sides.

An activation with levels v[0] ... v[K] is a constant and a sign b[k] = +-1 for each step:

    a = m + sum over k of h[k] b[k],   h[k] = (v[k] - v[k-1]) / 2,   m = (v[0] + v[K]) / 2

and a weight is w = s t, t = +-1 (or w = middle + s t, which BinaryConv2d takes as its weight levels). So

    sum a w = sum over k of h[k] sum b[k] w  +  m sum w

Where all h[k] are equal, as of a sign and of whole numbers, it is one BinaryConv2d of x beside itself, K times as many
channels with a threshold for each step: one sum, of the bits of all steps. Else it is one for each step, added up.

A padded tap is p. It is the same sum where p is a level, with b[k] its signs; and where p = m, with b[k] = 0. For any
other p, with b[k] = 0 at padded taps, these are owed (p - m) sum over padded taps of w: one more BinaryConv2d, all of
whose bits are set, counts the weights of the taps that are not padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ....ops import DOMAIN, VERSION, pack_weights
from ...ir.limits import MAX_DOT_TAPS
from ..steps import MAX_STEPS, Steps, above, steps_of
from ..values import Array, attribute, constant, constant_node, made_by, shape_of, shaped
from ..weights import TwoLevels, two_levels
from .base import Context, Pattern, label

SIGNS = np.array([-1, 1], np.float32)
LOWEST = np.full(1, -np.finfo(np.float32).max, np.float32)
"""A threshold that every finite value reaches."""


class BinaryConvolution(Pattern):
    """Conv(Steps(x), w, bias), perhaps of a constant Pad."""

    op_types = ("Conv",)

    def replace(self, op: Any, node: ir.Node) -> ir.Value | None:
        """One BinaryConv2d, or one a step and their sum."""
        found = binary_parts(node)
        if isinstance(found, str):
            return None
        x, steps, weights, geometry, padding = found
        if weights.spread:
            self.context.note(f"spread {label(node)}", f"'{label(node)}': its weights are two levels but for rounding "
                              f"({weights.spread:.1e} of them), taken as two")  # fmt: skip
        planes = list(bit_planes(node, steps, weights, geometry, padding))
        shape, source = shape_of(node.outputs[0]), shape_of(x)
        if shape is None or source is None:
            return None
        if len(planes) > 1:
            note_planes(self.context, node, steps, planes)
        if len(planes) > 1 and are_alike(planes, weights, geometry):
            count = len(planes)
            x = shaped(op.Concat(*[x] * count, axis=1), (source[0], source[1] * count, *source[2:]), x)
            rows = [np.broadcast_to(p.threshold, (source[1],)) for p in planes]
            first = planes[0]
            planes = [Plane(np.concatenate(rows), first.factor, first.pad_value, first.offset, label(node))]
            weights = replace(weights, bits=np.concatenate([weights.bits] * count, axis=1))
            geometry = {**geometry, "channels": geometry["channels"] * count}
        results = [plane_node(op, x, p, weights, geometry) for p in planes]
        total = results[0]
        for result in results[1:]:
            total = op.Add(shaped(total, shape), shaped(result, shape))
        return total


def note_planes(context: Context, node: ir.Node, steps: Steps, planes: Sequence[Plane]) -> None:
    """Say why a convolution costs more than one bit an activation."""
    name = label(node)
    if len(planes) > steps.count:
        why = "its padding is no level of its activations, so the taps that are not padded are counted too"
    elif steps.count == 2 and (steps.thresholds[1] == above(steps.thresholds[0])).all():
        why = "Sign(0) is 0 and may occur; --sign-of-zero +1 makes it one, where the network was trained so"
    else:
        why = f"its activations have {steps.count + 1} levels"
    context.note(f"planes {name}", f"'{name}' costs {len(planes)} binary convolutions: {why}")


def are_alike(planes: Sequence[Plane], weights: TwoLevels, geometry: Geometry) -> bool:
    """Whether planes are one convolution of more channels: equal factors and pad_values, and not too many taps."""
    factors, pads = np.array([p.factor for p in planes]), {p.pad_value for p in planes}
    taps = weights.bits[0].size * len(planes)
    return (
        geometry["group"] == 1 and len(pads) == 1 and taps <= MAX_DOT_TAPS and np.allclose(factors, factors[0], 1e-6, 0)
    )


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


class Plane:
    """One BinaryConv2d: threshold [C or 1], factor of its dot product, pad_value -1, 0 or +1, offset [M]."""

    def __init__(self, threshold: Array, factor: float, pad_value: float, offset: Array, name: str) -> None:
        self.threshold, self.factor, self.pad_value, self.offset, self.name = threshold, factor, pad_value, offset, name


def bit_planes(node: ir.Node, steps: Steps, weights: TwoLevels, geometry: Geometry, fill: float) -> list[Plane]:
    """The planes of a convolution, whose sum it is."""
    levels = steps.levels[:, 0].astype(np.float64)
    halves, middle = np.diff(levels) / 2, (levels[0] + levels[-1]) / 2
    values = np.where(weights.bits, *(weights.levels[:, i, None, None, None].astype(np.float64) for i in (1, 0)))
    all_weights = values.sum((1, 2, 3))
    bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    offset = (0.0 if bias is None else bias.astype(np.float64)) + middle * all_weights
    near = 1e-6 * np.abs(levels).max()
    place = np.flatnonzero(np.abs(levels - fill) <= near)
    padded, is_middle = any(geometry["pads"]), abs(fill - middle) <= near
    names = [f"{label(node)}.plane{k}" if steps.count > 1 else label(node) for k in range(steps.count)]
    zero = np.zeros_like(offset)
    is_level = len(place) > 0 and padded and not is_middle
    signs = [1.0 if place[0] > k else -1.0 for k in range(steps.count)] if is_level else [0.0] * steps.count
    planes = [
        Plane(t, h, s, offset if k == 0 else zero, n)
        for k, (t, h, s, n) in enumerate(zip(steps.thresholds, halves, signs, names, strict=True))
    ]
    if padded and not is_level and not is_middle:
        owed = fill - middle  # times the weights of padded taps: all of them less those of taps that are not padded
        planes.append(Plane(LOWEST, -owed, 0.0, owed * all_weights, f"{label(node)}.taps"))
    return planes


def plane_node(op: Any, x: ir.Value, plane: Plane, weights: TwoLevels, geometry: Geometry) -> ir.Value:
    """The BinaryConv2d of a plane."""
    outputs = len(weights.levels)
    if weights.is_symmetric:
        scale, levels = weights.levels[:, 1].astype(np.float64), SIGNS[None]
    else:
        scale, levels = np.ones(outputs), weights.levels
    parameters = [
        pack_weights(weights.bits),
        (plane.factor * scale).astype(np.float32),
        np.broadcast_to(plane.offset, (outputs,)).astype(np.float32),
        SIGNS,
        levels.astype(np.float32),
        np.ascontiguousarray(plane.threshold, np.float32).reshape(-1),
    ]
    made: ir.Value = op.BinaryConv2d(
        x,
        *(constant_node(op, p) for p in parameters),
        **geometry,
        pad_value=plane.pad_value,
        _domain=DOMAIN,
        _version=VERSION,
    )
    node = made.producer()
    if node is not None:
        node.name = plane.name
    return shaped(made, (1, outputs, 1, 1))
