# SPDX-License-Identifier: Apache-2.0
"""Convolution: full precision, zero padding (the embedding and the output layer)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import Issue
from ..ir.buffers import F32, Buffer, Operand
from ..ir.expressions import Expr, Inputs, Leaf, Work, each, kind, not_sliceable
from ..ir.window import Window
from .context import Context
from .taps import grouped_sum, window_operand, windows

UNROLLED = 64
"""Taps."""


@kind
@dataclass(frozen=True, eq=False)
class Convolution(Leaf):
    """Full-precision convolution with zero padding: weight [channels, c, kh, kw], bias [channels]."""

    buffer: Buffer
    weight: F32
    bias: F32
    window: Window
    groups: int = 1

    leads: ClassVar[int | None] = 10

    @property
    def is_square(self) -> bool:
        return self.window.is_square

    @property
    def is_never_negative_zero(self) -> bool:
        return not (np.signbit(self.bias) & (self.bias == 0)).any()

    @property
    def work(self) -> Work:
        return Work(full=self.weight.size)

    def operands(self) -> tuple[Operand, ...]:
        """The window's rows; a row outside is zero."""
        return (window_operand(self.buffer, self.window),)

    def slice(self, start: int, stop: int) -> Convolution:
        if self.groups != 1:
            raise not_sliceable(self)
        return replace(self, channels=stop - start, weight=self.weight[start:stop], bias=self.bias[start:stop])

    def reference(self, inputs: Inputs) -> npt.NDArray[Any]:
        """[channels, H', W'], computed in float64."""
        x = inputs.stored[self.buffer.name].astype(np.float64)
        total = grouped_sum(windows(x, self.window), self.weight.astype(np.float64), self.groups)
        return (total + each(self.bias)).astype(np.float32)

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return replace(self, weight=np.abs(self.weight), bias=np.abs(self.bias)).reference(magnitudes)

    def identity(self) -> Convolution:
        """Zero, whatever the map that it reads is: what is added to an accumulator leaves it alone."""
        return replace(self, weight=np.zeros_like(self.weight), bias=np.zeros_like(self.bias))

    def slots(self, issue: Issue) -> int:
        """A multiply-add a tap."""
        return issue.float * issue.words * int(self.weight[0].size)

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """One fused multiply-add a tap; a tap's pixels are loaded once for all of the channels. Many taps are a loop
        over the input's channels: unrolled, they take LLVM minutes."""
        s, rows, buffer = ctx.simd, ctx.rows(self.operands()[0]), self.buffer
        outputs, inputs, kh, kw = self.weight.shape
        section, weights = ctx.parameter(self, "weight", lambda: self.weight)
        totals = [ctx.bind(ctx.addend(self, "bias", self.bias, o)) for o in channels]

        def add_channel(c: TirExpr | int, totals: list[TirExpr]) -> list[TirExpr]:
            for n, (ky, kx) in enumerate(np.ndindex(kh, kw)):
                if self.groups == 1:
                    xs = [ctx.load_tap(rows[ky], buffer, c, self.window, kx)] * len(channels)
                else:
                    planes = [tirx.floordiv(o, outputs // self.groups) * inputs + c for o in channels]
                    xs = [ctx.load_tap(rows[ky], buffer, plane, self.window, kx) for plane in planes]
                places = [weights + (o * inputs + c) * (kh * kw) + n for o in channels]
                weight = [ctx.replicated(section, place, "float32") for place in places]
                totals = [ctx.bind(s.fma(x, v, t)) for x, v, t in zip(xs, weight, totals, strict=True)]
            return totals

        if inputs * kh * kw <= UNROLLED:
            for c in range(inputs):
                totals = add_channel(c, totals)
            return totals
        sums = [T.alloc_buffer((s.lanes,), "float32", scope="local") for _ in channels]
        for kept, total in zip(sums, totals, strict=True):
            s.store(kept, total, 0)
        with T.serial(0, inputs) as turn:
            for kept, total in zip(sums, add_channel(turn, [s.load(kept, 0) for kept in sums]), strict=True):
                s.store(kept, total, 0)
        return [ctx.bind(s.load(kept, 0)) for kept in sums]
