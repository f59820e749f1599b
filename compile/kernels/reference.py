# SPDX-License-Identifier: Apache-2.0
"""What a stage means: its numpy evaluation, the yardstick of the kernels' tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..ir.buffers import F32, Buffer
from ..ir.expressions import (
    Add,
    BinaryDot,
    Clamp,
    Constant,
    Convolution,
    Expr,
    HingeAdd,
    Load,
    PoolSum,
    RepeatChannels,
    ScaleShift,
    Sigmoid,
    TwoSlope,
    TwoSlopeAdd,
    Upsample,
)
from ..ir.stages import Stage
from . import binary_dot, convolution, load, pointwise, pool_sum, upsample

Array = npt.NDArray


def sign_bits(x: F32, threshold: F32) -> npt.NDArray[np.bool_]:
    """Sign (2): x [C, H, W] >= threshold [C] or [1]; -0.0 counts as 0, NaN is below everything."""
    return x >= threshold[:, None, None]


def evaluate(stage: Stage, stored: dict[str, Array]) -> list[F32]:
    """What each output is made from, [C, H, W] float32 (of packed bits: the value whose sign they are), given what
    the stage's buffers (by name) hold: float32 or bool maps."""
    values: dict[int, Array] = {}

    def value(e: Expr) -> Array:
        if id(e) not in values:
            whole = evaluate_one(e, [value(c) for c in e.children()], stage, stored)
            values[id(e)] = whole[:, : stage.height, : stage.width]  # a window's result may be cropped
        return values[id(e)]

    return [np.concatenate([value(b) for b in branches]) for branches in stage.results]


def evaluate_one(e: Expr, children: list[Array], stage: Stage, stored: dict[str, Array]) -> Array:
    """One node, its children's values given."""
    match e:
        case Load():
            return load.reference(e, stored[e.buffer.name], stage.height, stage.width)
        case PoolSum():
            return pool_sum.reference(e, stored[e.buffer.name])
        case Upsample():
            return upsample.reference(e, stored[e.buffer.name])
        case Convolution():
            return convolution.reference(e, stored[e.buffer.name])
        case BinaryDot():
            return binary_dot.reference(e, stored[e.buffer.name]).astype(np.float32)
        case ScaleShift():
            return pointwise.scale_shift_reference(e, *children)
        case TwoSlope():
            return pointwise.two_slope_reference(e, *children)
        case Clamp():
            return pointwise.clamp_reference(e, *children)
        case TwoSlopeAdd():
            return pointwise.two_slope_add_reference(e, *children)
        case Constant():
            return np.broadcast_to(e.values[:, None, None], (e.channels, stage.height, stage.width))
        case HingeAdd():
            return pointwise.hinge_add_reference(e, *children)
        case Add():
            return pointwise.add_reference(e, *children)
        case RepeatChannels():
            return np.repeat(children[0], e.channels // e.x.channels, axis=0)
        case Sigmoid():
            return pointwise.sigmoid_reference(e, *children)
    raise TypeError(f"no meaning for {type(e).__name__}")


def to_bytes(buffer: Buffer, value: Array) -> bytes:
    """The memory of a buffer in the arena that holds `value` [C, H, W] (float32, or bool for bits)."""
    planes = pack_planes(buffer, value) if buffer.dtype == "bits" else value
    memory = np.zeros((buffer.height, buffer.planes, buffer.plane_stride), planes.dtype)
    memory[:, :, buffer.origin : buffer.origin + buffer.width] = planes.transpose(1, 0, 2)
    if buffer.margin == "edge":
        memory[:, :, : buffer.origin] = memory[:, :, buffer.origin, None]
        memory[:, :, buffer.origin + buffer.width :] = memory[:, :, buffer.origin + buffer.width - 1, None]
    return memory.tobytes()


def from_bytes(buffer: Buffer, memory: bytes) -> Array:
    """The value [C, H, W] (float32 or bool) in a buffer's memory."""
    dtype = np.uint8 if buffer.dtype == "bits" else np.float32
    rows = np.frombuffer(memory, dtype).reshape(buffer.height, buffer.planes, buffer.plane_stride)
    planes = rows[:, :, buffer.origin : buffer.origin + buffer.width].transpose(1, 0, 2)
    return unpack_planes(buffer, planes) if buffer.dtype == "bits" else planes.copy()


def pack_planes(buffer: Buffer, bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """bits [C, H, W] -> planes [planes, H, W]."""
    c, h, w = bits.shape
    per_group = c // buffer.groups
    padded = np.zeros((buffer.groups, buffer.planes_per_group * 8, h, w), bool)
    padded[:, :per_group] = bits.reshape(buffer.groups, per_group, h, w)
    return np.packbits(padded.reshape(-1, 8, h, w), axis=1, bitorder="little")[:, 0]


def unpack_planes(buffer: Buffer, planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """planes [planes, H, W] -> bits [C, H, W]."""
    _, h, w = planes.shape
    bits = np.unpackbits(planes[:, None], axis=1, bitorder="little").astype(bool)
    per_group = buffer.channels // buffer.groups
    return bits.reshape(buffer.groups, -1, h, w)[:, :per_group].reshape(-1, h, w)
