# SPDX-License-Identifier: Apache-2.0
"""Random networks of the operators that are compiled, as PyTorch's exporters write them: a hypothesis strategy.

A network is a list of steps; each takes one or two of the maps that there are and makes another one. Shapes are kept
with the maps, so that every graph is valid. Weights follow from one seed, so that what shrinks is the structure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto

from ..compile.recognise.networks import Array, Net

Draw = Callable[..., object]
MOST_SIDE, MOST_CHANNELS, MOST_STEPS = 20, 24, 8
"""Sides after a Resize, channels after a Concat, in units, steps of a network."""
WIDE = 32
"""The unit of channels of a wide network: of 32 a group and more, vectors are of channels on some cores."""


@dataclass(frozen=True)
class Map:
    """A value of the graph that is a map [1, channels, height, width]."""

    name: str
    channels: int
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width


class Growing(Net):
    """A network that grows by random choices."""

    def __init__(self, draw: Draw, channels: int, size: tuple[int, int], seed: int, unit: int = 1) -> None:
        super().__init__((1, channels, *size), opset=17)
        self.unit = unit
        self.rng = np.random.default_rng(seed)
        self.draw = draw
        self.maps = [Map("image", channels, *size)]

    def choose(self, *choices: object) -> object:
        """One of several; the first is the simplest."""
        return self.draw(st.sampled_from(choices))

    def number(self, least: int, most: int) -> int:
        """A whole number; small ones are the simplest."""
        return int(self.draw(st.integers(least, most)))  # type: ignore[call-overload]

    def channels(self, most: int) -> int:
        """Channels, as many as so many units at most; of a wide network a quarter of that."""
        return self.unit * self.number(1, most if self.unit == 1 else max(1, most // 4))

    def any_map(self) -> Map:
        """Any of the maps; the last is the simplest."""
        return self.maps[-1 - self.number(0, len(self.maps) - 1)]

    def scalar(self, value: float) -> Array:
        return np.array([value], np.float32)


# ---- forms of a sign: name of a map -> name of its signs ----


def sign(n: Growing, x: str, channels: int) -> str:
    return n.op("Sign", x)


def after_relu(n: Growing, x: str, channels: int) -> str:
    return n.op("Sign", n.op("Relu", x))


def hard_tanh(n: Growing, x: str, channels: int) -> str:
    return n.op("Sign", n.op("Clip", x, n.scalar(-1), n.scalar(1)))


def never_zero(n: Growing, x: str, channels: int) -> str:
    return n.op("Sign", n.op("Add", n.op("Sign", x), n.scalar(0.1)))


def zero_is_one(n: Growing, x: str, channels: int) -> str:
    s = n.op("Sign", x)
    return n.op("Where", n.op("Equal", s, n.scalar(0)), n.scalar(1), s)


def levels_0_and_1(n: Growing, x: str, channels: int) -> str:
    return n.op("Cast", n.op("Greater", x, n.scalar(0.25)), to=TensorProto.FLOAT)


def cast_mul_sub(n: Growing, x: str, channels: int) -> str:
    b = n.op("Cast", n.op("GreaterOrEqual", x, n.scalar(0)), to=TensorProto.FLOAT)
    return n.op("Sub", n.op("Mul", b, n.scalar(2)), n.scalar(1))


def a_threshold_a_channel(n: Growing, x: str, channels: int) -> str:
    below = n.op("Less", x, n.normal(1, channels, 1, 1))
    return n.op("Where", below, n.scalar(-1), n.scalar(1))


def biased(n: Growing, x: str, channels: int) -> str:
    return n.op("Sign", n.op("Add", x, n.normal(1, channels, 1, 1)))


def straight_through_clip(n: Growing, x: str, channels: int) -> str:
    e = n.op("Clip", x, n.scalar(-1), n.scalar(1))
    return n.op("Add", n.op("Sub", n.op("Sign", x), e), e)


def straight_through_tanh(n: Growing, x: str, channels: int) -> str:
    e = n.op("Tanh", n.op("Mul", x, n.scalar(1.7)))
    return n.op("Add", n.op("Sub", n.op("Sign", x), e), e)


def adabin(n: Growing, x: str, channels: int) -> str:
    s = n.op("Sign", n.op("Div", n.op("Sub", x, n.scalar(0.25)), n.scalar(0.8)))
    return n.op("Mul", n.op("Add", s, n.scalar(0.25)), n.scalar(0.8))


SIGNS = (
    sign, after_relu, hard_tanh, never_zero, zero_is_one, levels_0_and_1, cast_mul_sub, a_threshold_a_channel, biased,
    straight_through_clip, straight_through_tanh, adabin,
)  # fmt: skip


# ---- forms of binary weights ----


def plus_minus_one(n: Growing, *shape: int) -> Array | str:
    return n.signs(*shape)


def scale_a_filter(n: Growing, *shape: int) -> Array | str:
    return np.asarray(n.signs(*shape) * (0.05 + 0.1 * n.rng.random((shape[0], 1, 1, 1))), np.float32)


def zero_and_scale(n: Growing, *shape: int) -> Array | str:
    return np.asarray(n.rng.choice([0.0, 0.25], shape), np.float32)


def but_for_rounding(n: Growing, *shape: int) -> Array | str:
    return np.asarray(n.signs(*shape) * 0.014 * (1 + 3e-7 * n.rng.integers(-1, 2, shape)), np.float32)


def in_the_graph(n: Growing, *shape: int) -> Array | str:
    weight = n.constant(n.normal(*shape))
    mean = n.op("ReduceMean", n.op("Abs", weight), axes=[1, 2, 3])
    clipped = n.op("Clip", weight, n.scalar(-1), n.scalar(1))
    return n.op("Add", n.op("Sub", n.op("Mul", n.op("Sign", weight), mean), clipped), clipped)


WEIGHTS = (plus_minus_one, scale_a_filter, zero_and_scale, but_for_rounding, in_the_graph)


# ---- steps: a network -> its new map ----


def windowed(n: Growing, x: Map) -> tuple[int, int, int, list[int], int, int]:
    """(kernel, stride, dilation, pads, rows, columns) of a window that fits."""
    kernel, stride, dilation = (int(n.choose(*of)) for of in ((1, 3, 2, 5), (1, 2), (1, 1, 2)))  # type: ignore[call-overload]
    reach = dilation * (kernel - 1)
    pads = [n.number(0, reach // 2) if n.choose(False, True) else reach // 2 for _ in range(4)]
    if min(x.height + pads[0] + pads[2], x.width + pads[1] + pads[3]) <= reach:
        kernel, dilation, reach, pads = 1, 1, 0, [0] * 4
    rows = (x.height + pads[0] + pads[2] - reach - 1) // stride + 1
    columns = (x.width + pads[1] + pads[3] - reach - 1) // stride + 1
    return kernel, stride, dilation, pads, rows, columns


def grouped(n: Growing, channels: int) -> tuple[int, int]:
    """(groups, outputs) of a convolution."""
    units, rest = divmod(channels, n.unit)
    divisors = (g for g in range(2, units + 1) if units % g == 0) if not rest else ()
    groups = int(n.choose(1, *divisors))  # type: ignore[call-overload]
    return groups, groups * n.channels(max(1, MOST_CHANNELS // 2 // groups))


def binary_convolution(n: Growing) -> Map:
    x = n.any_map()
    form, weights = n.choose(*SIGNS), n.choose(*WEIGHTS)
    kernel, stride, dilation, pads, rows, columns = windowed(n, x)
    groups, outputs = grouped(n, x.channels)
    signs = form(n, x.name, x.channels)  # type: ignore[operator]
    weight = weights(n, outputs, x.channels // groups, kernel, kernel)  # type: ignore[operator]
    fill = n.choose(None, 0.0, -1.0, 1.0)
    if fill is not None and any(pads):
        signs = n.op("Pad", signs, np.array([0, 0, *pads[:2], 0, 0, *pads[2:]]), n.scalar(fill))  # type: ignore[arg-type]
        pads = [0] * 4
    bias = [n.normal(outputs)] if n.choose(False, True) else []
    y = n.op(
        "Conv", signs, weight, *bias,
        kernel_shape=[kernel] * 2, pads=pads, strides=[stride] * 2, dilations=[dilation] * 2, group=groups,
    )  # fmt: skip
    return Map(n.norm(y, outputs) if n.choose(True, False) else y, outputs, rows, columns)


def float_convolution(n: Growing) -> Map:
    x = n.any_map()
    kernel, stride, dilation, pads, rows, columns = windowed(n, x)
    groups, outputs = grouped(n, x.channels)
    bias = [n.normal(outputs)] if n.choose(False, True) else []
    y = n.op(
        "Conv", x.name, n.normal(outputs, x.channels // groups, kernel, kernel), *bias,
        kernel_shape=[kernel] * 2, pads=pads, strides=[stride] * 2, dilations=[dilation] * 2, group=groups,
    )  # fmt: skip
    return Map(y, outputs, rows, columns)


def same_size(x: Map, name: str) -> Map:
    """A map made of another, pixel by pixel."""
    return Map(name, x.channels, *x.size)


def norm(n: Growing) -> Map:
    x = n.any_map()
    return same_size(x, n.norm(x.name, x.channels))


def activation(n: Growing) -> Map:
    x, kind = n.any_map(), n.choose("Relu", "PRelu", "LeakyRelu", "Clip", "Sigmoid")
    given = {"PRelu": [n.normal(x.channels, 1, 1)], "Clip": [n.scalar(-0.5), n.scalar(1.5)]}.get(str(kind), [])
    return same_size(x, n.op(str(kind), x.name, *given))


def arithmetic(n: Growing) -> Map:
    x, kind = n.any_map(), str(n.choose("Add", "Sub", "Mul", "Div"))
    k = n.normal(*(1, x.channels, 1, 1)[n.number(0, 1) :]) if n.choose(False, True) else n.scalar(0.75)
    k = np.where(np.abs(k) < 0.05, np.float32(0.5), k)
    pair = (k, x.name) if kind != "Div" and n.choose(False, True) else (x.name, k)
    return same_size(x, n.op(kind, *pair))


def add(n: Growing) -> Map:
    x = n.any_map()
    others = [m for m in reversed(n.maps) if (m.channels, *m.size) == (x.channels, *x.size)]
    other = others[n.number(0, len(others) - 1)]
    return same_size(x, n.op(str(n.choose("Add", "Sub")), x.name, other.name))


def concat(n: Growing) -> Map:
    x = n.any_map()
    others = [m for m in reversed(n.maps) if m.size == x.size and m.channels + x.channels <= MOST_CHANNELS * n.unit]
    if not others:
        return activation(n)
    other = others[n.number(0, len(others) - 1)]
    return Map(n.op("Concat", x.name, other.name, axis=1), x.channels + other.channels, *x.size)


def slice_of_channels(n: Growing) -> Map:
    x = n.any_map()
    first = n.number(0, x.channels - 1)
    last = n.number(first + 1, x.channels)
    end = np.iinfo(np.int64).max if last == x.channels and n.choose(False, True) else last
    y = n.op("Slice", x.name, np.array([first]), np.array([end]), np.array([1]), np.array([1]))
    return Map(y, last - first, *x.size)


def split(n: Growing) -> Map:
    x = n.any_map()
    if x.channels < 2:
        return activation(n)
    first = n.number(1, x.channels - 1)
    y = n.op("Split", x.name, np.array([first, x.channels - first]), outputs=2, axis=1)
    n.maps.append(Map(f"{y}.1", x.channels - first, *x.size))
    return Map(y, first, *x.size)


def pool(n: Growing) -> Map:
    x = n.any_map()
    kind, kernel, stride, pad = n.choose(  # type: ignore[misc]
        ("AveragePool", 2, 2, 0), ("MaxPool", 2, 2, 0), ("MaxPool", 3, 2, 1), ("MaxPool", 2, 1, 0),
        ("AveragePool", 3, 1, 0), ("MaxPool", 3, 1, 1), ("AveragePool", 1, 2, 0),
    )  # fmt: skip
    if min(x.size) + 2 * pad < kernel:
        return activation(n)
    rows, columns = ((side + 2 * pad - kernel) // stride + 1 for side in x.size)
    y = n.op(kind, x.name, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)
    return Map(y, x.channels, rows, columns)


def blurred_pool(n: Growing) -> Map:
    """A MaxPool and a depthwise convolution of it, as a downsampling without aliasing is, mostly of what a binary
    convolution gives, whose vectors may be of channels; others may read the pooled map too. A transition goes on with
    a convolution of single pixels."""
    x = binary_convolution(n) if n.choose(True, True, False) else n.any_map()
    kernel, stride, pads = n.choose(  # type: ignore[misc]
        (2, 1, [0] * 4), (2, 2, [0] * 4), (3, 2, [0] * 4), (3, 1, [1] * 4), (1, 1, [0] * 4), (2, 2, [0, 0, 1, 1]),
        (2, 1, [1, 0, 0, 1]),
    )  # fmt: skip
    if min(x.height + pads[0] + pads[2], x.width + pads[1] + pads[3]) < kernel:
        return activation(n)
    rows = (x.height + pads[0] + pads[2] - kernel) // stride + 1
    columns = (x.width + pads[1] + pads[3] - kernel) // stride + 1
    ahead = n.op("Relu", x.name) if n.choose(False, True) else x.name
    pooled = Map(
        n.op("MaxPool", ahead, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads), x.channels, rows, columns
    )
    if n.choose(False, False, True):
        n.maps.append(pooled)
    blur, stride, dilation, pads = 3, 2, 1, [1] * 4
    rows, columns = (-(-side // stride) for side in pooled.size)
    if n.choose(False, True):
        blur, stride, dilation, pads, rows, columns = windowed(n, pooled)
    bias = [n.normal(x.channels)] if n.choose(False, True) else []
    y = n.op(
        "Conv", pooled.name, n.normal(x.channels, 1, blur, blur), *bias,
        kernel_shape=[blur] * 2, pads=pads, strides=[stride] * 2, dilations=[dilation] * 2, group=x.channels,
    )  # fmt: skip
    if n.choose(True, False):
        return Map(y, x.channels, rows, columns)
    outputs = n.channels(MOST_CHANNELS // 2)
    return Map(n.op("Conv", y, n.normal(outputs, x.channels, 1, 1)), outputs, rows, columns)


def pool_of_signs(n: Growing) -> Map:
    x = n.any_map()
    if min(x.size) < 2:
        return binary_convolution(n)
    pooled = n.op("MaxPool", n.op("Sign", x.name), kernel_shape=[2, 2], strides=[2, 2])
    signs = n.op("Where", n.op("Equal", pooled, n.scalar(0)), n.scalar(1), pooled)
    outputs = n.channels(MOST_CHANNELS // 2)
    y = n.conv(signs, n.signs(outputs, x.channels, 3, 3))
    return Map(n.norm(y, outputs), outputs, x.height // 2, x.width // 2)


def resize(n: Growing) -> Map:
    x = n.any_map()
    if max(x.size) * 2 > MOST_SIDE:
        return activation(n)
    mode, centres = n.choose(("nearest", "asymmetric"), ("linear", "half_pixel"))  # type: ignore[misc]
    y = n.op(
        "Resize", x.name, "", np.float32([1, 1, 2, 2]),
        mode=mode, coordinate_transformation_mode=centres, nearest_mode="floor",
    )  # fmt: skip
    return Map(y, x.channels, 2 * x.height, 2 * x.width)


STEPS = (
    binary_convolution, binary_convolution, binary_convolution, float_convolution, norm, activation, arithmetic, add,
    concat, slice_of_channels, split, pool, blurred_pool, blurred_pool, pool_of_signs, resize,
)  # fmt: skip


def has_average(side: int) -> bool:
    """Whether the average of all of a side is one of windows that there are."""
    for window in range(8, 1, -1):
        while side % window == 0:
            side //= window
    return side == 1


def head(n: Growing, x: Map) -> str:
    """Scores of classes."""
    y = n.op("Flatten", n.op("GlobalAveragePool", x.name), axis=1)
    return n.op("Gemm", y, n.normal(5, x.channels), n.normal(5), transB=1)


@st.composite
def graphs(draw: Draw, steps: Sequence[Callable[[Growing], Map]] = STEPS) -> onnx.ModelProto:
    """A small network: an image of 1 to 4 channels, a float convolution, steps, perhaps a head of scores; one of three
    is wide."""
    size = (int(draw(st.integers(1, 12))), int(draw(st.integers(1, 12))))  # type: ignore[call-overload]
    image, seed, unit = st.integers(1, 4), st.integers(0, 9999), st.sampled_from((1, 1, WIDE))
    n = Growing(draw, int(draw(image)), size, int(draw(seed)), int(draw(unit)))  # type: ignore[call-overload]
    channels = n.channels(12)
    n.maps.append(Map(n.stem(channels, inputs=n.maps[0].channels), channels, *size))
    for step in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=MOST_STEPS)):  # type: ignore[attr-defined]
        n.maps.append(step(n))
    last = n.maps[-1]
    is_class = all(map(has_average, last.size)) and n.choose(False, True)
    return n.proto(head(n, last) if is_class else last.name)
