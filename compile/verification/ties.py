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
import onnx

from ..errors import VerificationError
from ..ir.buffers import Buffer
from ..storage import Bits
from .onnx_reference import OnnxReference, session

Array = npt.NDArray[Any]
NEAR = 1e-3
"""The distance of a tie from its threshold, of the largest magnitude in its channel: the errors of all stages before
have added up, and each by itself was held to less."""
FEW = 16
"""Pixels of a channel below which the largest magnitude is that of all channels."""
GIVEN = "/given"


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


class CutReference:
    """The reference network, in which the numbers of some maps are given from outside."""

    def __init__(self, onnx_reference: OnnxReference, shapes: dict[str, tuple[int, ...]]) -> None:
        """`shapes`: the maps' names -> [C, H, W]."""
        self.outputs = [*onnx_reference.outputs, *(n for n in shapes if n not in onnx_reference.outputs)]
        self.input = onnx_reference.input
        model = onnx.ModelProto()
        model.CopyFrom(onnx_reference.proto)
        for node in model.graph.node:
            for i, name in enumerate(node.input):
                if name in shapes:
                    node.input[i] = name + GIVEN
        kind = onnx.TensorProto.FLOAT
        for name, shape in shapes.items():
            model.graph.input.append(onnx.helper.make_tensor_value_info(name + GIVEN, kind, [1, *shape]))
        for name in self.outputs[len(onnx_reference.outputs) :]:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
        self.session = session(model, onnx_reference.path)

    def run(self, image: Array, given: dict[str, Array]) -> dict[str, Array]:
        """The network's outputs, and the maps as they are computed from those that are given before them."""
        feed = {self.input: image[None], **{name + GIVEN: v[None] for name, v in given.items()}}
        return dict(zip(self.outputs, (r[0] for r in self.session.run(self.outputs, feed)), strict=True))


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
        cut = cut or CutReference(onnx_reference, {n: v.shape for n, v in maps.items()})
        done = list(maps).index(buffer.value)
        found = {**reference, **cut.run(image, given)}
        given |= {name: found[name] for name in list(maps)[done + 1 :]}
    return found, total
