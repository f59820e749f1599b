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
from ..binary_parts import Geometry, binary_parts
from ..steps import Steps, above
from ..values import Array, constant, constant_node, shape_of, shaped
from ..weights import TwoLevels
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
            self.context.note(label(node), "its weights are two levels but for rounding, and taken as two")
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
    if len(planes) > steps.count:
        why = "its padding is no level of its activations: the taps that are not padded are counted, which is a second"
    elif steps.count == 2 and (steps.thresholds[1] == above(steps.thresholds[0])).all():
        why = (
            "two bits an activation, since Sign(0) is 0 and may occur; --sign-of-zero +1 makes it one, where the "
            "network was trained so"
        )
    else:
        why = f"{len(planes)} bits an activation: its activations have {steps.count + 1} levels"
    context.note(label(node), why)


def are_alike(planes: Sequence[Plane], weights: TwoLevels, geometry: Geometry) -> bool:
    """Whether planes are one convolution of more channels: equal factors and pad_values, and not too many taps."""
    factors, pads = np.array([p.factor for p in planes]), {p.pad_value for p in planes}
    taps = weights.bits[0].size * len(planes)
    return (
        geometry["group"] == 1 and len(pads) == 1 and taps <= MAX_DOT_TAPS and np.allclose(factors, factors[0], 1e-6, 0)
    )


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
