"""Row kernels: each kind of expression is its meaning in numpy beside its TIR, one kind a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..program import (
    Add,
    AveragePool,
    BinaryDot,
    Convolution,
    Expr,
    Leaky,
    Load,
    Operand,
    ScaleShift,
    Sigmoid,
    Upsample,
)
from . import average_pool, binary_dot, convolution, load, pointwise, upsample


@dataclass(frozen=True)
class Kind:
    """How one kind of expression reads rows (leaves only) and writes its TIR: emit(e, ctx, o, *children).

    What depends on the row alone, `prepare(e, ctx)` computes before the loops (LLVM would otherwise make a
    copy of the loops for each case).
    """

    emit: Callable
    operand: Callable[..., Operand] | None = None
    prepare: Callable | None = None


KINDS: dict[type[Expr], Kind] = {
    Load: Kind(load.emit, load.operand),
    AveragePool: Kind(average_pool.emit, average_pool.operand),
    Upsample: Kind(upsample.emit, upsample.operand, upsample.prepare),
    Convolution: Kind(convolution.emit, convolution.operand),
    BinaryDot: Kind(binary_dot.emit, binary_dot.operand, binary_dot.prepare),
    ScaleShift: Kind(pointwise.emit_scale_shift),
    Leaky: Kind(pointwise.emit_leaky),
    Add: Kind(pointwise.emit_add),
    Sigmoid: Kind(pointwise.emit_sigmoid),
}
