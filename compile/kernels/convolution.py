# SPDX-License-Identifier: Apache-2.0
"""Convolution: full precision, zero padding (the embedding and the output layer).

Meaning (numpy), then TIR.
"""

from __future__ import annotations

import numpy as np
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.buffers import F32, Operand
from ..ir.expressions import Convolution
from ..ir.window import Window
from .context import Context

UNROLLED = 64
"""Taps."""


def windows(x: np.ndarray, window: Window, pad_value: float = 0.0) -> np.ndarray:
    """x [C, H, W] -> [C, kh, kw, H', W']: what each tap reads."""
    top, left, bottom, right = window.pads
    x = np.pad(x, ((0, 0), (top, bottom), (left, right)), constant_values=pad_value)
    height, width = Window(window.kernel, window.strides, dilations=window.dilations).output(*x.shape[1:])
    (sy, sx), (dy, dx) = window.strides, window.dilations
    return np.stack(
        [
            [
                x[:, ky * dy : ky * dy + (height - 1) * sy + 1 : sy, kx * dx : kx * dx + (width - 1) * sx + 1 : sx]
                for kx in range(window.kernel[1])
            ]
            for ky in range(window.kernel[0])
        ]
    ).transpose(2, 0, 1, 3, 4)


def grouped_sum(taps: np.ndarray, weight: np.ndarray, groups: int) -> np.ndarray:
    """taps [C, kh, kw, H, W], weight [M, C/groups, kh, kw] -> [M, H, W]."""
    rows = zip(np.split(weight, groups), np.split(taps, groups), strict=True)
    sums = [w.reshape(len(w), -1) @ t.reshape(w[0].size, -1) for w, t in rows]
    return np.concatenate(sums).reshape(-1, *taps.shape[-2:])


def reference(e: Convolution, x: F32) -> F32:
    """x [C, H, W] -> [channels, H', W'], computed in float64."""
    total = grouped_sum(windows(x.astype(np.float64), e.window), e.weight.astype(np.float64), e.groups)
    return (total + e.bias[:, None, None]).astype(np.float32)


def operand(e: Convolution) -> Operand:
    """The window's rows; a row outside is zero."""
    w = e.window
    return Operand(e.buffer, mul=w.strides[0], add=-w.pads[0], step=w.dilations[0], count=w.kernel[0], edge="zero")


def emit(e: Convolution, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
    """One fused multiply-add a tap; a tap's pixels are loaded once for all of the channels. Many taps are a loop over
    the input's channels: unrolled, they take LLVM minutes."""
    s, rows, w, buffer = ctx.simd, ctx.rows(operand(e)), e.window, e.buffer
    outputs, inputs, kh, kw = e.weight.shape
    section, weights = ctx.parameter(e, "weight", lambda: e.weight)
    totals = [ctx.bind(ctx.addend(e, "bias", e.bias, o)) for o in channels]

    def pixels(plane: TirExpr, ky: int, kx: int) -> TirExpr:
        at = plane * buffer.plane_stride + buffer.origin - w.pads[1] + kx * w.dilations[1]
        return ctx.bind(s.load_strided(rows[ky], at + ctx.column * w.strides[1], w.strides[1]))

    def add_channel(c: TirExpr | int, totals: list[TirExpr]) -> list[TirExpr]:
        for n, (ky, kx) in enumerate(np.ndindex(kh, kw)):
            if e.groups == 1:
                xs = [pixels(c, ky, kx)] * len(channels)
            else:
                xs = [pixels(tirx.floordiv(o, outputs // e.groups) * inputs + c, ky, kx) for o in channels]
            weight = [ctx.spread(section, weights + (o * inputs + c) * (kh * kw) + n, "float32") for o in channels]
            totals = [ctx.bind(s.fma(x, v, t)) for x, v, t in zip(xs, weight, totals, strict=True)]
        return totals

    if inputs * kh * kw <= UNROLLED:
        for c in range(inputs):
            totals = add_channel(c, totals)
        return totals
    sums = [T.alloc_buffer((s.lanes,), "float32", scope="local") for _ in channels]
    for kept, total in zip(sums, totals, strict=True):
        s.store(kept, total, 0)
    with T.serial(0, inputs) as c:
        for kept, total in zip(sums, add_channel(c, [s.load(kept, 0) for kept in sums]), strict=True):
            s.store(kept, total, 0)
    return [ctx.bind(s.load(kept, 0)) for kept in sums]
