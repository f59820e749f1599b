# SPDX-License-Identifier: Apache-2.0
"""Terms of stored maps: a slope for each sign, sums of it over 2x2 pixels, and over channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...ops import REGISTRY
from . import intervals
from .intervals import Interval
from .maps import F64, View
from .terms import Array, Constants, Prepared, State, Term, Writer, each, mean_of


@dataclass(frozen=True, eq=False)
class Slope(Term):
    """negative * x where x < 0, else positive * x, x the real value of a view."""

    view: View
    negative: F64
    positive: F64

    @property
    def views(self) -> Iterator[View]:
        yield self.view

    @property
    def is_linear(self) -> bool:
        """Whether both slopes are one."""
        return bool((self.negative == self.positive).all())

    def scaled(self, scale: F64) -> Slope:
        return replace(self, negative=self.negative * scale, positive=self.positive * scale)

    def bent(self, negative: F64, positive: F64) -> Slope:
        """A two_slope of it, which is a two_slope."""
        below = np.where(self.negative > 0, negative, positive) * self.negative
        above = np.where(self.positive >= 0, positive, negative) * self.positive
        return replace(self, negative=below, positive=above)

    def joins(self, other: Term) -> bool:
        return type(other) is type(self) and isinstance(other, Slope) and other.view == self.view

    def joined(self, other: Term) -> Slope:
        assert isinstance(other, Slope)
        return replace(self, negative=self.negative + other.negative, positive=self.positive + other.positive)

    def prepared(self, state: State) -> Prepared:
        sigma = state.sigma(self.view)
        values = (state.values(self.view, i) for i in range(state.frames))
        means = mean_of(({"n": np.minimum(u, 0), "p": np.maximum(u, 0)} for u in values), state.frames)
        return Prepared({"n": sigma * self.negative, "p": sigma * self.positive}, means)

    def real(self, state: State, frame: int) -> F64:
        x = each(state.sigma(self.view)) * (state.values(self.view, frame) + 0.5)
        y: F64 = x * np.where(x < 0, each(self.negative), each(self.positive))
        return y

    def raw(self, constants: Constants, state: State, frame: int) -> Array:
        return REGISTRY["IntegerTwoSlope"].reference(
            state.values(self.view, frame)[None], constants["n"], constants["p"]
        )[0]

    def ends(self, constants: Constants) -> tuple[Interval, ...]:
        return (intervals.slope_ends(constants["n"], constants["p"]),)

    def write(self, writer: Writer, constants: Constants, name: str) -> str:
        slopes = [writer.constant(f"{name}.{c}", constants[c]) for c in ("n", "p")]
        return writer.integer("IntegerTwoSlope", [writer.view(self.view), *slopes], name)


@dataclass(frozen=True, eq=False)
class Pooled(Slope):
    """The sum of a Slope over 2x2 pixels, stride 2."""

    def prepared(self, state: State) -> Prepared:
        plain = super().prepared(state)
        values = (state.values(self.view, i) for i in range(state.frames))
        means = mean_of(
            ({"n": sum_pool(np.minimum(u, 0)), "p": sum_pool(np.maximum(u, 0))} for u in values), state.frames
        )
        return replace(plain, means=means)

    def real(self, state: State, frame: int) -> F64:
        return sum_pool(super().real(state, frame))

    def raw(self, constants: Constants, state: State, frame: int) -> Array:
        return REGISTRY["IntegerSumPool"].reference(super().raw(constants, state, frame)[None])[0]

    def ends(self, constants: Constants) -> tuple[Interval, ...]:
        low, high = intervals.slope_ends(constants["n"], constants["p"])
        return ((4 * low, 4 * high),)

    def write(self, writer: Writer, constants: Constants, name: str) -> str:
        return writer.integer("IntegerSumPool", [super().write(writer, constants, f"{name}.slope")], name)


def sum_pool(x: Array) -> Array:
    """The sums of 2x2 pixels of [C, H, W], in a type that holds them."""
    x = x if x.dtype.kind == "f" else x.astype(np.int32)
    height, width = (side // 2 * 2 for side in x.shape[1:])
    rows = x[:, 0:height:2, :width] + x[:, 1:height:2, :width]
    y: Array = rows[..., 0::2] + rows[..., 1::2]
    return y


@dataclass(frozen=True, eq=False)
class Reduced(Term):
    """The sum over the channels of a Slope: a 1x1 convolution to one channel."""

    slope: Slope

    @property
    def views(self) -> Iterator[View]:
        yield self.slope.view

    def scaled(self, scale: F64) -> Reduced:
        return Reduced(self.slope.scaled(np.broadcast_to(scale, self.slope.negative.shape)))

    def prepared(self, state: State) -> Prepared:
        each_channel = self.slope.prepared(state)
        return Prepared(*({k: v[None] for k, v in d.items()} for d in (each_channel.gains, each_channel.means)))

    def real(self, state: State, frame: int) -> F64:
        total: F64 = self.slope.real(state, frame).sum(0, keepdims=True)
        return total

    def raw(self, constants: Constants, state: State, frame: int) -> Array:
        return self.slope.raw(flat(constants), state, frame).sum(0, keepdims=True)

    def ends(self, constants: Constants) -> tuple[Interval, ...]:
        return intervals.halves(self.slope.ends(flat(constants))[0])

    def write(self, writer: Writer, constants: Constants, name: str) -> str:
        axis = writer.constant("channel_axis", np.array([1], np.int64))
        slopes = self.slope.write(writer, flat(constants), f"{name}.slope")
        return writer.node("ReduceSum", [slopes, axis], name, keepdims=1)


def flat(constants: Constants) -> Constants:
    """Constants [1, C] of the one channel as [C]."""
    return {name: values.reshape(-1) for name, values in constants.items()}
