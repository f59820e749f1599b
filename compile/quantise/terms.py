# SPDX-License-Identifier: Apache-2.0
"""Terms: what is added up to a stored map, one class a kind, each with every arm that quantising asks for.

Each is, per channel, a sum of gains times features of bytes: v = sum of round(f*gain) * feature, f being what turns
the real value into the sum before the shift. An arm says it in real numbers (`real`), one in integers (`raw`), one as
ONNX nodes (`write`).

| term      | features                                | integer operators                          |
|-----------|-----------------------------------------|--------------------------------------------|
| Slope     | min(u, 0), max(u, 0)                    | IntegerTwoSlope                            |
| Pooled    | their sums over 2x2 pixels              | IntegerTwoSlope, IntegerSumPool            |
| Hinge     | d, max(d, k); d a count, or a map       | IntegerBinaryConv2d, IntegerHinge          |
| Greys     | the taps of a window of grey levels     | ConvInteger                                |
| Reduced   | min(u, 0), max(u, 0) of every channel   | IntegerTwoSlope, ReduceSum                 |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...ops import REGISTRY
from ...ops.binary_conv2d import convolve
from ..errors import CompileError
from ..ir.window import Window
from . import intervals
from .intervals import Interval
from .maps import F64, View

Array = npt.NDArray[Any]
Constants = Mapping[str, Array]


class State(Protocol):
    """Calibration so far: what terms ask of it."""

    frames: int

    def values(self, view: View, frame: int) -> Array:
        """Bytes of a view on a frame, [C, H, W]."""

    def sigma(self, view: View) -> F64:
        """Real size of a step of a view, [C]."""

    def grey(self, source: Greys, frame: int) -> Array:
        """The frame that a convolution reads, uint8 [C, H, W]."""

    def dot(self, count: Count, frame: int) -> Array:
        """Its sums on a frame, exact, [M, H, W]."""


class Writer(Protocol):
    """The ONNX graph so far: what terms ask of it."""

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output."""

    def integer(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node of com.biisnet."""

    def constant(self, name: str, values: Array) -> str:
        """Add a constant; its name."""

    def view(self, view: View) -> str:
        """The value that holds a view."""

    def grey(self, source: Greys) -> str:
        """The value that holds the frame as a convolution reads it."""

    def count(self, count: Count, name: str) -> str:
        """The value that holds a count, made by the first who asks under `name`."""


@dataclass(frozen=True)
class Prepared:
    """A term on the calibration frames: its gains, its features' means over all pixels, and constants that no gain
    changes."""

    gains: dict[str, F64]
    means: dict[str, F64]
    fixed: dict[str, Array] = field(default_factory=dict)


class Term(ABC):
    """A real number at every pixel of some channels."""

    @property
    @abstractmethod
    def views(self) -> Iterator[View]:
        """The maps that it reads."""

    @abstractmethod
    def scaled(self, scale: F64) -> Term:
        """scale [C] times it."""

    @abstractmethod
    def prepared(self, state: State) -> Prepared:
        """Gains and means."""

    @abstractmethod
    def real(self, state: State, frame: int) -> F64:
        """Its value on a frame, [C, H, W]."""

    @abstractmethod
    def raw(self, constants: Constants, state: State, frame: int) -> Array:
        """Its integer value on a frame, int32 [C, H, W]."""

    @abstractmethod
    def ends(self, constants: Constants) -> tuple[Interval, ...]:
        """The extremes of the parts that it is added up from, each of which has to fit 16 bits."""

    @abstractmethod
    def write(self, writer: Writer, constants: Constants, name: str) -> str:
        """Its nodes, their values' names beginning with `name`; the name of the last."""

    def joins(self, other: Term) -> bool:
        """Whether it and another are one term."""
        return False

    def joined(self, other: Term) -> Term:
        """That one term."""
        raise NotImplementedError


def each(values: F64) -> F64:
    """[C] as [C, 1, 1]."""
    return values[:, None, None]


def mean_of(features: Iterator[dict[str, Array]], frames: int) -> dict[str, F64]:
    """The means over the pixels of all frames of features [C, H, W]."""
    total: dict[str, F64] = {}
    for found in features:
        for name, values in found.items():
            total[name] = total.get(name, 0) + values.mean((1, 2), dtype=np.float64) / frames
    return total


# ---- of stored maps ----


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


# ---- of counts ----


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

    @property
    def geometry(self) -> dict[str, Any]:
        """The ONNX operator's attributes."""
        w = self.window
        return {"strides": [*w.strides], "pads": [*w.pads], "dilations": [*w.dilations], "group": self.group}


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
        return Hinge(
            self.source, self.scale * self.positive, self.shift * self.positive + shift, negative, positive
        )

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
            np.where(slope > 0, a, b) * slope for a, b in ((self.negative, self.positive), (self.positive, self.negative))
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
        is_view = isinstance(self.source, View)
        d = writer.view(self.source) if is_view else writer.count(self.source, f"{name.removesuffix('.hinge')}.count")
        return writer.integer("IntegerHinge", [d, *given], name)


# ---- of the frame ----


@dataclass(frozen=True, eq=False)
class Greys(Term):
    """A convolution of scale * (grey - zero), grey levels of the frame; weights [M, C / group, kh, kw] with the scale
    in them, zero [C]. `extended` are the float network's layers that extend the frame before.
    """

    weight: F64
    zero: F64
    window: Window
    group: int
    extended: tuple[str, ...]
    layer: str

    @property
    def views(self) -> Iterator[View]:
        return iter(())

    @property
    def zero_point(self) -> int:
        """The grey level that a padded tap is taken for. Raises CompileError where there is none."""
        points = np.unique(np.round(self.zero))
        if any(self.window.pads) and (len(points) != 1 or not 0 <= points[0] <= 255):
            raise CompileError(
                f"layer '{self.layer}' has no integer form: it pads with 0, which stands for the grey levels "
                f"{points.tolist()}; one of 0 to 255 for all channels is supported"
            )
        return int(np.clip(points[0], 0, 255))

    @property
    def geometry(self) -> dict[str, Any]:
        """The ONNX operator's attributes."""
        w = self.window
        return {"strides": [*w.strides], "pads": [*w.pads], "dilations": [*w.dilations], "group": self.group}

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
        return writer.node("ConvInteger", [writer.grey(self), weight, zero], name, **self.geometry)
