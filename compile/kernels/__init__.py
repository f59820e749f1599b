# SPDX-License-Identifier: Apache-2.0
"""Row kernels: each kind of expression is its meaning in numpy beside its TIR, one kind a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..ir.buffers import Operand
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
from . import binary_dot, convolution, load, pointwise, pool_sum, upsample


@dataclass(frozen=True)
class Kind:
    """How one kind of expression reads rows (leaves only) and writes its TIR.

    `emit(e, ctx, o, *children)` is the value of channel o; `emit_together(e, ctx, channels)` instead is those of
    several channels that share loads. What depends on the row alone, `prepare(e, ctx)` computes before the loops.
    What a block of channels computes before its channels one by one, `begin_block(e, ctx, channels)`; `emit` then
    gets that too, and the channel's place in the block.
    """

    emit: Callable[..., Any] | None = None
    emit_together: Callable[..., Any] | None = None
    operands: Callable[..., tuple[Operand, ...]] = lambda e: ()
    prepare: Callable[..., Any] | None = None
    begin_block: Callable[..., Any] | None = None


KINDS: dict[type[Expr], Kind] = {
    Load: Kind(load.emit, operands=lambda e: (load.operand(e),)),
    PoolSum: Kind(pool_sum.emit, operands=lambda e: (pool_sum.operand(e),)),
    Upsample: Kind(upsample.emit, operands=upsample.operands),
    Convolution: Kind(emit_together=convolution.emit, operands=lambda e: (convolution.operand(e),)),
    BinaryDot: Kind(
        binary_dot.emit,
        operands=lambda e: (binary_dot.operand(e),),
        prepare=binary_dot.prepare,
        begin_block=binary_dot.begin_block,
    ),
    ScaleShift: Kind(pointwise.emit_scale_shift),
    TwoSlope: Kind(pointwise.emit_two_slope),
    Clamp: Kind(pointwise.emit_clamp),
    TwoSlopeAdd: Kind(pointwise.emit_two_slope_add),
    HingeAdd: Kind(pointwise.emit_hinge_add),
    Constant: Kind(pointwise.emit_constant),
    Add: Kind(pointwise.emit_add),
    Sigmoid: Kind(pointwise.emit_sigmoid),
    RepeatChannels: Kind(),
}
