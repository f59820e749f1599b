# SPDX-License-Identifier: Apache-2.0
"""Expressions: what a stage computes at one pixel of one channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .buffers import F32, Buffer
from .window import Window


@dataclass(frozen=True, eq=False)
class Expr:
    """A value at every pixel of `channels` channels."""

    channels: int

    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""
        return ()


@dataclass(frozen=True, eq=False)
class Load(Expr):
    """The map itself, from channel `offset` on; columns and rows past its border repeat the border."""

    buffer: Buffer
    offset: int = 0


@dataclass(frozen=True, eq=False)
class PoolSum(Expr):
    """Sum of 2x2 pixels with stride 2, from channel `offset` on; an odd last row or column is dropped."""

    buffer: Buffer
    offset: int = 0


@dataclass(frozen=True, eq=False)
class Upsample(Expr):
    """Twice the resolution, half-pixel centres, from channel `offset` on; linear: 16 times the value."""

    buffer: Buffer
    mode: Literal["linear", "nearest"]
    offset: int = 0


@dataclass(frozen=True, eq=False)
class Convolution(Expr):
    """Full-precision convolution with zero padding: weight [channels, c, kh, kw], bias [channels]."""

    buffer: Buffer
    weight: F32
    bias: F32
    window: Window
    groups: int = 1


@dataclass(frozen=True, eq=False)
class BinaryDot(Expr):
    """The integer accumulator of a binary convolution, (K - 2*popcount(a XOR w) + border correction) / unit.

    `signs` [channels, c, kh, kw] are the weights' bits (True is +1). A padded tap reads bit 0, which is -1;
    `pad_shift` times the tap's weight is added to make it what the padding value asks: 0 for padding with
    -1, 1 for zero padding, 2 for padding with +1 (in units of half the distance of the activation's levels).
    `unit` is 2 where that leaves all accumulators whole numbers, else 1. `centre` is added: 0, or 3*2**(k-1) such that
    all results lie in [2**k, 2**(k+1)), where float32 numbers are ordered as their bits are. `first` is the layer's
    channel that it begins with, where only a part of them is wanted.
    """

    buffer: Buffer
    signs: npt.NDArray[np.bool_]
    window: Window
    pad_shift: int = 1
    unit: int = 1
    centre: int = 0
    first: int = 0


@dataclass(frozen=True, eq=False)
class ScaleShift(Expr):
    """scale*x + shift, per channel."""

    x: Expr
    scale: F32
    shift: F32

    def children(self) -> tuple[Expr, ...]:
        return (self.x,)


@dataclass(frozen=True, eq=False)
class TwoSlope(Expr):
    """positive*x where x >= 0, else negative*x, per channel."""

    x: Expr
    positive: F32
    negative: F32

    def children(self) -> tuple[Expr, ...]:
        return (self.x,)


@dataclass(frozen=True, eq=False)
class Clamp(Expr):
    """lower where x < lower, upper where x > upper, else (NaN too) x; per channel."""

    x: Expr
    lower: F32
    upper: F32

    def children(self) -> tuple[Expr, ...]:
        return (self.x,)


@dataclass(frozen=True, eq=False)
class TwoSlopeAdd(Expr):
    """TwoSlope of x, plus y: one multiply-add."""

    x: Expr
    y: Expr
    positive: F32
    negative: F32

    def children(self) -> tuple[Expr, ...]:
        return (self.x, self.y)


@dataclass(frozen=True, eq=False)
class HingeAdd(Expr):
    """slope*x + bend*max(x, knee) + y, per channel; x is a BinaryDot with a centre, knee in the range of its results,
    and bend not -0.0 (so that the result never is)."""

    x: Expr
    y: Expr
    slope: F32
    bend: F32
    knee: F32

    def children(self) -> tuple[Expr, ...]:
        return (self.x, self.y)


@dataclass(frozen=True, eq=False)
class Constant(Expr):
    """One value a channel."""

    values: F32


@dataclass(frozen=True, eq=False)
class Add(Expr):
    """a + b."""

    a: Expr
    b: Expr

    def children(self) -> tuple[Expr, ...]:
        return (self.a, self.b)


@dataclass(frozen=True, eq=False)
class RepeatChannels(Expr):
    """Each channel of x repeated: channel o is x's channel o // (channels / x.channels)."""

    x: Expr

    def children(self) -> tuple[Expr, ...]:
        return (self.x,)


@dataclass(frozen=True, eq=False)
class Sigmoid(Expr):
    """1 / (1 + exp(-x))."""

    x: Expr

    def children(self) -> tuple[Expr, ...]:
        return (self.x,)
