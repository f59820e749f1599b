# SPDX-License-Identifier: Apache-2.0
"""The slot bound: the vector work that a stage cannot do without, on the Cortex-A72.

Its two vector pipes take two slots a cycle: an integer or logical instruction of 128 bits is one, a floating-point one
two, one that interleaves lanes three. Loads, stores, addresses and loops are not counted: they have ports of their own,
so a kernel that reaches the bound is limited by its arithmetic alone.
"""

from __future__ import annotations

from ..ir.buffers import LANES, Buffer
from ..ir.expressions import (
    Add,
    BinaryDot,
    Clamp,
    Convolution,
    Expr,
    HingeAdd,
    PoolSum,
    ScaleShift,
    Sigmoid,
    TwoSlope,
    TwoSlopeAdd,
    Upsample,
)
from ..ir.stages import Stage
from .binary_dot import tap_chunks

CPU = "cortex-a72"
PER_CYCLE = 2
INTEGER, FLOAT, INTERLEAVE = 1, 2, 3
WORDS = 4
"""128-bit vectors that hold LANES pixels of 4 bytes."""
SIGMOID = WORDS * (17 * FLOAT + 4 * INTEGER)


def of_expression(e: Expr) -> int:
    """Slots for LANES pixels of one channel."""
    match e:
        case BinaryDot():
            taps = e.buffer.planes_per_group * e.window.kernel[0] * e.window.kernel[1]
            chunks = len(tap_chunks(e))
            count = 3 * taps - chunks  # eor, cnt, add; a chunk's first count is not added
            return INTEGER * (count + 2 * chunks * (3 - e.unit) + 2 * WORDS)  # widened twice, made float
        case Convolution():
            return FLOAT * WORDS * e.weight[0].size
        case HingeAdd():
            return WORDS * (INTEGER + 2 * FLOAT)
        case TwoSlope() | TwoSlopeAdd():
            return WORDS * (2 * INTEGER + 2 * FLOAT)
        case Clamp():
            return WORDS * 2 * (FLOAT + INTEGER)
        case ScaleShift() | Add():
            return WORDS * FLOAT
        case PoolSum():
            return 2 * WORDS * (FLOAT + INTERLEAVE) + WORDS * FLOAT
        case Upsample(mode="nearest"):
            return WORDS * INTERLEAVE
        case Upsample():  # three places of two rows, then both sides
            return (3 * WORDS // 2 + WORDS) * FLOAT + WORDS * INTERLEAVE
        case Sigmoid():
            return SIGMOID
    return 0


def of_bits(result: Expr) -> int:
    """Slots to compare LANES pixels of one channel and gather the signs."""
    return WORDS * ((INTEGER if isinstance(result, HingeAdd) else FLOAT) + INTEGER)


def of_output(buffer: Buffer, results: tuple[Expr, ...]) -> int:
    """Slots to turn LANES pixels of all channels into what is stored."""
    return sum(e.channels * of_bits(e) for e in results) if buffer.dtype == "bits" else 0


def bound(stage: Stage) -> float:
    """Cycles for a whole stage."""
    slots = sum(e.channels * of_expression(e) for e in stage.expressions())
    slots += sum(of_output(b, r) for b, r in zip(stage.outputs, stage.results, strict=True))
    return slots / PER_CYCLE * stage.height * -(-stage.width // LANES)
