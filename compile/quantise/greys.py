# SPDX-License-Identifier: Apache-2.0
"""The term of the frame: a convolution of its grey levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...ops.binary_conv2d import convolve
from ..ir.window import Window
from . import intervals
from .intervals import Interval
from .maps import F64, View
from .terms import Array, Constants, Prepared, State, Term, Writer, geometry, mean_of


@dataclass(frozen=True, eq=False)
class Greys(Term):
    """A convolution of scale * (grey - zero), grey levels of the frame; weights [M, C / group, kh, kw] with the scale
    in them, zero [C]; in integers it is `zero_point`, which a padded tap is taken for. `extended` are the float
    network's layers that extend the frame before.
    """

    weight: F64
    zero: F64
    zero_point: int
    window: Window
    group: int
    extended: tuple[str, ...]

    @property
    def views(self) -> Iterator[View]:
        return iter(())

    def scaled(self, scale: F64) -> Greys:
        return replace(self, weight=self.weight * scale[:, None, None, None])

    def prepared(self, state: State) -> Prepared:
        channels, (kh, kw) = len(self.zero), self.window.kernel
        one_tap = np.tile(np.eye(kh * kw).reshape(-1, 1, kh, kw), (channels, 1, 1, 1))
        taps = (self.convolved(one_tap, self.zero_point, channels, state, i) for i in range(state.frames))
        mean = mean_of(({"w": t} for t in taps), state.frames)["w"].reshape(self.group, 1, -1, kh, kw)
        means = np.broadcast_to(mean, (self.group, len(self.weight) // self.group, *mean.shape[2:]))
        return Prepared({"w": self.weight}, {"w": means.reshape(self.weight.shape)})

    def convolved(self, weight: F64, zero: F64 | int, group: int, state: State, frame: int) -> F64:
        """Weights on the frame less `zero`, padded with 0."""
        x = state.grey(self, frame) - np.reshape(np.asarray(zero, np.float64), (-1, 1, 1))
        w = self.window
        return convolve(x[None], weight, w.strides, w.pads, w.dilations, group, 0.0)[0]

    def real(self, state: State, frame: int) -> F64:
        return self.convolved(self.weight, self.zero, self.group, state, frame)

    def raw(self, constants: Constants, state: State, frame: int) -> Array:
        total = self.convolved(constants["w"].astype(np.float64), self.zero_point, self.group, state, frame)
        return total.astype(np.int32)

    def ends(self, constants: Constants) -> tuple[Interval, ...]:
        return (intervals.convolution_ends(constants["w"], self.zero_point),)

    def write(self, writer: Writer, constants: Constants, name: str) -> str:
        weight = writer.constant(f"{name}.weight", constants["w"])
        zero = writer.constant(f"{name}.zero_point", np.array(self.zero_point, np.uint8))
        return writer.node("ConvInteger", [writer.grey(self), weight, zero], name, **geometry(self.window, self.group))
