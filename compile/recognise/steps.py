# SPDX-License-Identifier: Apache-2.0
"""Step functions: what every binarization is, and the operator that stands for one while a file is rewritten.

    Steps(x; t, v) = v[k]  where  t[k] <= x < t[k+1],  t[0] = -inf: v[0] below t[1]

A step function followed by any point-wise function is the step function of mapped levels; so Sign, comparisons, Where,
Cast, and the arithmetic that follows them, are one operator before a convolution sees them. Sign has two steps, at 0
and at the smallest number above it, and levels -1, 0, +1: its value at 0 is a level like any other.

The operator is `biisnet.recognise::Steps(x, thresholds, levels)`; none is left in a finished file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from .values import constant, constant_node, producer

DOMAIN = "biisnet.recognise"
MAX_STEPS = 3
"""Steps of an activation that is computed as bit planes: two bits are three."""

Array = npt.NDArray[Any]


def above(x: Array | float) -> Array:
    """The smallest float32 that is greater: x > c is x >= above(c)."""
    return np.nextafter(np.asarray(x, np.float32), np.float32(np.inf))


@dataclass(frozen=True)
class Steps:
    """Thresholds float32 [K, C or 1], each row greater than the one before; levels [K + 1, C or 1] of any type."""

    thresholds: Array
    levels: Array

    @property
    def count(self) -> int:
        """K."""
        return len(self.thresholds)

    @property
    def uniform(self) -> bool:
        """Whether all channels have the same levels."""
        return bool((self.levels == self.levels[:, :1]).all())

    def simplified(self) -> Steps:
        """Without the steps at which no channel's level changes."""
        keep = (self.levels[1:] != self.levels[:-1]).any(1)
        return Steps(self.thresholds[keep], self.levels[np.r_[True, keep]])

    def at(self, thresholds: Array) -> Steps | None:
        """The same function with more steps; None where `thresholds` lack one of its own."""
        rows = [next((i for i, row in enumerate(thresholds) if np.array_equal(row, t)), None) for t in self.spread()]
        if None in rows:
            return None
        own = np.zeros(len(thresholds), int)
        own[[r for r in rows if r is not None]] = 1
        return Steps(thresholds, self.levels[np.r_[0, own.cumsum()]])

    def spread(self, channels: int | None = None) -> Array:
        """Thresholds [K, channels], or as they are."""
        return self.thresholds if channels is None else np.broadcast_to(self.thresholds, (self.count, channels))


def common(functions: list[Steps]) -> list[Steps] | None:
    """Step functions of one argument, all with the steps of all; None where these have no order common to channels."""
    channels = max(f.thresholds.shape[1] for f in functions)
    rows = np.unique(np.concatenate([f.spread(channels) for f in functions]), axis=0)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    if not (rows[1:] > rows[:-1]).all():
        return None
    found = [Steps(f.spread(channels), f.levels).at(rows) for f in functions]
    return None if any(f is None for f in found) else [f for f in found if f is not None]


def steps_of(value: ir.Value | None) -> tuple[ir.Value, Steps] | None:
    """(argument, function) of a value that is a step function; else None."""
    node = producer(value)
    if node is None or (node.domain, node.op_type) != (DOMAIN, "Steps"):
        return None
    argument, thresholds, levels = node.inputs
    t, v = constant(thresholds), constant(levels)
    return None if argument is None or t is None or v is None else (argument, Steps(t, v))


def steps_node(op: Any, x: ir.Value, function: Steps) -> ir.Value:
    """A new Steps operator; a constant's Identity is not made of it, since a function without steps has no kernel."""
    made: ir.Value = op.Steps(
        x, constant_node(op, function.thresholds), constant_node(op, function.levels), _domain=DOMAIN, _version=1
    )
    return made


def first_where(meaning: Any, reached: Any, channels: int = 1) -> Array:
    """For each channel the smallest float32 x with `reached(meaning(x))`, for a `meaning` that never falls with x:
    float32 [channels], by bisection over all finite float32 numbers. Inf where there is none.

    `meaning` takes float32 [channels] and is computed as the operator is, so that the threshold is exact.
    """
    lowest = np.full(channels, _order(np.float32(-np.finfo(np.float32).max)), np.int64)
    highest = np.full(channels, _order(np.float32(np.inf)), np.int64)
    while (lowest < highest).any():
        middle = (lowest + highest) >> 1
        with np.errstate(all="ignore"):
            yes = np.broadcast_to(reached(meaning(_number(middle))), (channels,))
        highest, lowest = np.where(yes, middle, highest), np.where(yes, lowest, middle + 1)
        lowest = np.minimum(lowest, highest)
    return _number(lowest)


def _order(x: Any) -> Any:
    """float32 to integers of the same order: -0.0 is just below 0.0."""
    bits = np.asarray(x, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits >= 0, bits, -(bits & 0x7FFFFFFF) - 1)


def _number(order: Array) -> Array:
    """Undo `_order`; -0.0 becomes 0.0, which compares as it."""
    bits = np.where(order >= 0, order, (-(order + 1)) | 0x80000000).astype(np.uint32)
    return np.asarray(bits.view(np.float32) + np.float32(0))
