# SPDX-License-Identifier: Apache-2.0
"""Terms of binary convolutions: counts, and the two_slopes of a line of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...ops import REGISTRY
from ..ir.window import Window
from . import intervals
from .intervals import Interval
from .maps import F64, View
from .slopes import Slope
from .terms import Array, Constants, Prepared, State, Term, Writer, each, mean_of


@dataclass(frozen=True, eq=False)
class Count:
    """A binary convolution of a view: bits are 1 where the real value is at least the threshold [C].

    `slopes` is what its reader makes of the view; `signs` [M, C / group, kh, kw] are the weights' bits.
    """

    slopes: Slope
    threshold: F64
    signs: npt.NDArray[np.bool_]
    window: Window
    group: int

    @property
    def ends(self) -> tuple[int, int]:
        """Extremes of the count."""
        return intervals.count_ends(self.signs[0].size)


@dataclass(frozen=True, eq=False)
class Hinge(Term):
    """A two_slope of x = scale * y + shift, y the dot product of a binary convolution or the real value of a view:
    negative * x where x < 0, else positive * x. The integer that it is made of is d, the saturated -y/2, or the byte.
    """

    source: Count | View
    scale: F64
    shift: F64
    negative: F64
    positive: F64

    @classmethod
    def line(cls, source: Count | View, scale: F64) -> Hinge:
        """scale * y."""
        return cls(source, scale, 0 * scale, 1 + 0 * scale, 1 + 0 * scale)

    @property
    def is_line(self) -> bool:
        """Whether it is not bent."""
        return bool((self.negative == self.positive).all())

    @property
    def views(self) -> Iterator[View]:
        yield self.source if isinstance(self.source, View) else self.source.slopes.view

    def scaled(self, scale: F64) -> Hinge:
        if self.is_line and not self.shift.any():
            return replace(self, scale=self.scale * scale)
        return replace(self, negative=self.negative * scale, positive=self.positive * scale)

    def bent(self, shift: F64, negative: F64, positive: F64) -> Hinge:
        """A two_slope of a line and a shift."""
        assert self.is_line
        return Hinge(self.source, self.scale * self.positive, self.shift * self.positive + shift, negative, positive)

    def byte(self, state: State, frame: int) -> Array:
        """d on a frame."""
        if isinstance(self.source, View):
            return state.values(self.source, frame)
        d: Array = np.clip(-state.dot(self.source, frame) // 2, intervals.LOW, intervals.HIGH)
        return d

    def line_of_byte(self, state: State) -> tuple[F64, F64]:
        """(slope, shift) of x as a line of d."""
        if isinstance(self.source, View):
            sigma = state.sigma(self.source)
            return self.scale * sigma, self.scale * sigma / 2 + self.shift
        return self.scale * -2, self.shift

    def prepared(self, state: State) -> Prepared:
        slope, shift = self.line_of_byte(state)
        below, above = (
            np.where(slope > 0, a, b) * slope
            for a, b in ((self.negative, self.positive), (self.positive, self.negative))
        )
        knee = np.divide(-shift, slope, out=np.zeros_like(slope), where=slope != 0)
        k = np.clip(np.round(np.where(below == above, 0, knee)), intervals.LOW, intervals.HIGH).astype(np.int8)
        bytes_ = (self.byte(state, i) for i in range(state.frames))
        means = mean_of(({"a": d, "b": np.maximum(d, each(k))} for d in bytes_), state.frames)
        return Prepared({"a": below, "b": above - below}, means, {"k": k})

    def real(self, state: State, frame: int) -> F64:
        if isinstance(self.source, View):
            y = each(state.sigma(self.source)) * (state.values(self.source, frame) + 0.5)
        else:
            y = state.dot(self.source, frame)
        x = each(self.scale) * y + each(self.shift)
        z: F64 = x * np.where(x < 0, each(self.negative), each(self.positive))
        return z

    def raw(self, constants: Constants, state: State, frame: int) -> Array:
        hinge = REGISTRY["IntegerHinge"].reference
        return hinge(self.byte(state, frame)[None], *(constants[c] for c in "abk"))[0]

    def ends(self, constants: Constants) -> tuple[Interval, ...]:
        low, high = (intervals.LOW, intervals.HIGH) if isinstance(self.source, View) else self.source.ends
        return (intervals.hinge_ends(constants["a"], constants["b"], constants["k"], low, high),)

    def write(self, writer: Writer, constants: Constants, name: str) -> str:
        given = [writer.constant(f"{name}.{c}", constants[c]) for c in "abk"]
        if isinstance(self.source, View):
            d = writer.view(self.source)
        else:
            d = writer.count(self.source, f"{name.removesuffix('.hinge')}.count")
        return writer.integer("IntegerHinge", [d, *given], name)
