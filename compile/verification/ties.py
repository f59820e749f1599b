# SPDX-License-Identifier: Apache-2.0
"""Signs that rounding decides, in a run of the whole network: the device's are given to the reference.

Where a number lies within rounding error of its threshold, device and reference may take different signs of it, and
all that follows differs. Such a tie proves nothing of either. So the reference is run again with these few numbers on
the device's side of their thresholds; what it then gives must agree everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import VerificationError
from ..ir.buffers import Buffer
from ..onnx_runtime import Cut
from ..storage import Bits
from .onnx_reference import OnnxReference

Array = npt.NDArray[Any]
NEAR = 1e-3
"""The distance of a tie from its threshold, of the largest magnitude in its channel: the errors of all stages before
have added up, and each by itself was held to less."""
FEW = 16
"""Pixels of a channel below which the largest magnitude is that of all channels."""


def threshold_of(buffer: Buffer) -> Array:
    """The thresholds of a map of signs, [C, 1, 1] or [1, 1, 1]."""
    assert isinstance(buffer.encoding, Bits)
    return buffer.encoding.threshold[:, None, None]


def decided(value: Array, signs: Array, buffer: Buffer) -> tuple[Array, int]:
    """The reference's numbers [C, H, W] with the device's signs, and how many were moved across their threshold. Raises
    VerificationError where one is no tie."""
    other = signs != buffer.encoding.encode(value)
    if not other.any():
        return value, 0
    threshold = threshold_of(buffer)
    # of a channel of few pixels the largest may be near 0 by chance
    sizes = np.abs(np.where(np.isfinite(value), value, 0))  # an infinite one makes no other a tie
    largest = sizes.max(axis=(1, 2), keepdims=True) if value[0].size >= FEW else sizes.max()
    magnitude = np.maximum(largest, np.abs(threshold))
    with np.errstate(invalid="ignore"):
        far = other & ~(np.abs(value - threshold) <= NEAR * magnitude)
    if far.any():
        raise VerificationError(f"{int(far.sum())} of {far.size} signs of the whole run are wrong, and no ties")
    side = np.where(signs, threshold, np.nextafter(threshold, np.float32(-np.inf)))
    return np.where(other, side, value).astype(np.float32), int(other.sum())


def with_ties_decided(
    onnx_reference: OnnxReference, reference: dict[str, Array], image: Array, signs: dict[Buffer, Array]
) -> tuple[dict[str, Array], int]:
    """(the reference's values, those of its outputs at least, by the device's `signs`; how many were ties). Raises
    VerificationError where signs differ that are none."""
    maps = {b.value: reference[b.value] for b in signs if b.value != onnx_reference.input}
    given, total, cut = dict(maps), 0, None
    found = reference
    for buffer, device in signs.items():
        if buffer.value not in given:
            continue  # the image itself
        try:
            given[buffer.value], moved = decided(given[buffer.value], device, buffer)
        except VerificationError as e:
            raise VerificationError(f"'{buffer.value}': {e}") from e
        total += moved
        if not total:
            continue
        cut = cut or Cut(onnx_reference.proto, {n: (1, *v.shape) for n, v in maps.items()}, onnx_reference.path)
        done = list(maps).index(buffer.value)
        feed = {onnx_reference.input: image, **given}
        found = {**reference, **{n: v[0] for n, v in cut.run({n: v[None] for n, v in feed.items()}).items()}}
        given |= {name: found[name] for name in list(maps)[done + 1 :]}
    return found, total
