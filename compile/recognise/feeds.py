# SPDX-License-Identifier: Apache-2.0
"""Numbers that the proof feeds: random ones, and those at which a step can go wrong.

    normal       of the normal distribution
    thresholds   0, each channel's thresholds, the float32 numbers next to them, 1 above and below, and their negatives
    large        the same, and numbers far beyond

Large ones are fed apart: where a shortcut carries them, an error as large as a threshold is no more than rounding.
Next to 0 lies SMALL: of numbers below it products underflow to 0, so that Sign(x / 100) is not Sign(x) for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]
MODERATE = 4.0
"""Largest number fed where a straight-through estimator was taken out: s - e + e loses the last bits of s."""
LARGE = 1e4
SMALL = np.float32(1e-30)
"""Magnitude below which numbers are no other than 0."""
BEYOND = 1e30
"""Thresholds that are reached by no number that is fed."""
RUNS = (
    ("grey levels", "normal"),
    ("grey levels", "thresholds"),
    ("normal", "normal"),
    ("normal", "thresholds"),
    ("zeros", "thresholds"),
    ("zeros", "large"),
    ("edges", "normal"),
    ("edges", "large"),
)
"""(numbers of the image, numbers at the cuts) of each run."""


class Place(Protocol):
    """A value that is given: its name, shape [1, C, ...], range of numbers, and thresholds, one row a step, [k, C]."""

    name: str
    shape: tuple[int, ...]
    range: tuple[float, float]
    thresholds: Array


def feeds(
    inputs: Sequence[tuple[str, tuple[int, ...], int]],
    places: Sequence[Place],
    is_approximate: bool,
    never: Mapping[str, Sequence[Array]],
) -> Iterator[tuple[str, dict[str, Array], list[Array]]]:
    """(kind of numbers at the cuts, inputs by name, values at the cuts) of each run; the same every time.

    `inputs` are (name, shape, ONNX's element type); a place's values are none of its thresholds in `never`.
    """
    rng = np.random.default_rng(0)
    most = MODERATE if is_approximate else LARGE
    for image, kind in RUNS:
        feed = {}
        for name, shape, element in inputs:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(element)
            values = drawn(rng, image, shape)
            feed[name] = (np.clip(np.abs(values), 0, 255) if dtype.kind in "ui" else values).astype(dtype)
        yield kind, feed, [at_place(rng, p, kind, most, never.get(p.name, ())) for p in places]


def drawn(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> Array:
    """An image."""
    if kind == "grey levels":
        return rng.integers(0, 256, shape)
    if kind == "normal":
        return rng.normal(size=shape)
    return np.zeros(shape) if kind == "zeros" else rng.choice([0.0, -0.0, 1.0, -1.0, 255.0, 1e-30, -1e-30], shape)


def at_place(rng: np.random.Generator, place: Place, kind: str, most: float, decided: Sequence[Array]) -> Array:
    """Numbers for a cut, float32, but those ([C] or [1] each) that are never there, or that the user has decided on."""
    shape, channels = place.shape, place.shape[1]
    axes = (1, -1) + (1,) * (len(shape) - 2)
    values = rng.normal(size=shape).astype(np.float32)
    if kind != "normal":
        picks = around(place.thresholds, most if kind == "large" else 0.0)
        rows = np.broadcast_to(picks, (len(picks), channels))
        index = np.broadcast_to(np.arange(channels).reshape(axes), shape)
        values = rows[rng.integers(0, len(rows), shape), index].astype(np.float32)
    low, high = (np.float32(v) for v in place.range)
    values = np.clip(values, low, high)
    for row in decided:
        number = row.astype(np.float32).reshape(axes)
        values = np.where(values == number, np.where(number + 1 <= high, number + 1, number - 1), values)
    return np.ascontiguousarray(values, np.float32)


def around(thresholds: Array, most: float) -> Array:
    """Numbers at which a step can go wrong, a channel, [n, C or 1]; with +-`most`."""
    sizes = np.abs(thresholds)
    reached = np.where((sizes >= SMALL) & (sizes < BEYOND), thresholds, np.float32(0)).astype(np.float32)
    rows = np.concatenate([np.zeros((1, reached.shape[1]), np.float32), reached])
    beside = [np.where(rows, np.nextafter(rows, np.float32(sign * np.inf)), sign * SMALL) for sign in (-1, 1)]
    ends = [np.full((1, rows.shape[1]), sign * most, np.float32) for sign in (1, -1)] if most else []
    return np.concatenate([rows, -rows, *beside, rows + 1, rows - 1, *ends])
