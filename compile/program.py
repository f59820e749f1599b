"""The program: what the network is once it has been cut into stages, and before it is machine code.

A *stage* computes its output feature map row by row. What it computes at one pixel of one channel is a
small expression: leaves read stored maps (a plain load, a pooling window, an interpolation, a convolution),
inner nodes are per-channel element-wise work. Stages meet in *buffers*, the stored forms of a map: float32
or sign bits, with the margin that the consumer's window reads at the left and right border.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

LANES = 16
"""Pixels of one vector step: sixteen bytes of packed bits, four 128-bit vectors of float32."""
MARGIN = 16
"""Elements kept left and right of a row that is read by a window."""

F32 = npt.NDArray[np.float32]
Dtype = Literal["float32", "bits"]
Margin = Literal["none", "zero", "edge"]


def round_up(n: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `n`."""
    return -(-n // multiple) * multiple


@dataclass(eq=False)
class Buffer:
    """One stored form of a feature map, laid out [row][plane][margin, columns, margin].

    A plane is a channel (float32), or 8 channels of one group packed into a byte a pixel (bits: bit i of
    plane j of a group is channel 8j+i of the group, set where x >= threshold).
    """

    name: str
    value: str  # the ONNX value that it holds
    channels: int
    height: int
    width: int
    dtype: Dtype = "float32"
    margin: Margin = "none"
    groups: int = 1
    threshold: F32 = field(default_factory=lambda: np.zeros(1, np.float32))  # [channels] or [1]; bits only
    external: int | None = None  # index of the model's input or output that it is, [channel][row][column]
    scale: F32 | None = None  # [channels]; a float32 buffer holds scale*value + shift where these are given
    shift: F32 | None = None

    @property
    def planes_per_group(self) -> int:
        """Planes of one group of channels."""
        per_group = self.channels // self.groups
        return per_group if self.dtype == "float32" else -(-per_group // 8)

    @property
    def planes(self) -> int:
        """Planes of a row."""
        return self.planes_per_group * self.groups

    @property
    def origin(self) -> int:
        """Elements before column 0 of a plane."""
        return 0 if self.margin == "none" else MARGIN

    @property
    def plane_stride(self) -> int:
        """Elements from one plane to the next."""
        if self.external is not None:
            return self.height * self.width
        return round_up(self.width, LANES) + 2 * self.origin

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return 4 if self.dtype == "float32" else 1

    @property
    def row_bytes(self) -> int:
        """Bytes from one row to the next."""
        if self.external is not None:
            return self.width * self.itemsize
        return self.planes * self.plane_stride * self.itemsize

    @property
    def bytes(self) -> int:
        """Bytes of the whole map."""
        return self.row_bytes * self.height


@dataclass(frozen=True)
class Operand:
    """Rows of `buffer` that output row y reads: (y*mul + add) // div + i*step, i < count, and for odd y
    `odd` rows further down."""

    buffer: Buffer
    mul: int = 1
    add: int = 0
    div: int = 1
    step: int = 1
    count: int = 1
    edge: Literal["zero", "clamp"] = "clamp"
    odd: int = 0


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


@dataclass(frozen=True)
class Window:
    """Geometry of a convolution."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)  # top, left, bottom, right
    dilations: tuple[int, int] = (1, 1)

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the result."""
        top, left, bottom, right = self.pads
        spans = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        return (
            (height + top + bottom - spans[0]) // self.strides[0] + 1,
            (width + left + right - spans[1]) // self.strides[1] + 1,
        )

    def padded(self, axis: int, size: int, output: int) -> npt.NDArray[np.bool_]:
        """[output, kernel]: which taps fall outside of 0 .. size-1 along `axis`."""
        at = (
            np.arange(output)[:, None] * self.strides[axis]
            - self.pads[axis]
            + np.arange(self.kernel[axis]) * self.dilations[axis]
        )
        return (at < 0) | (at >= size)


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
class Leaky(Expr):
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
class LeakyAdd(Expr):
    """Leaky of x, plus y: one multiply-add."""

    x: Expr
    y: Expr
    positive: F32
    negative: F32

    def children(self) -> tuple[Expr, ...]:
        return (self.x, self.y)


@dataclass(frozen=True, eq=False)
class Bend(Expr):
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
class Spread(Expr):
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


@dataclass(eq=False)
class Stage:
    """Computes the rows of one feature map and stores each in every form that a consumer needs."""

    name: str
    layers: tuple[str, ...]  # the ONNX nodes whose work it does
    outputs: list[Buffer] = field(default_factory=list)
    results: list[tuple[Expr, ...]] = field(default_factory=list)
    """What each output stores: expressions whose channels are concatenated, cut alike for all outputs. For packed
    bits it is the value whose sign is taken."""

    @classmethod
    def of(cls, name: str, layers: tuple[str, ...], branches: tuple[Expr, ...], outputs: list[Buffer]) -> Stage:
        """A stage whose outputs all store the same."""
        return cls(name, layers, outputs, [branches] * len(outputs))

    @property
    def height(self) -> int:
        """Rows it computes."""
        return self.outputs[0].height

    @property
    def width(self) -> int:
        """Columns it computes."""
        return self.outputs[0].width

    def expressions(self) -> Iterator[Expr]:
        """Every node once, children first."""
        seen: set[int] = set()

        def visit(e: Expr) -> Iterator[Expr]:
            if id(e) in seen:
                return
            seen.add(id(e))
            for child in e.children():
                yield from visit(child)
            yield e

        for branches in self.results:
            for branch in branches:
                yield from visit(branch)


@dataclass(eq=False)
class Program:
    """Stages in the order they run, and the model's inputs and outputs as buffers."""

    name: str
    stages: list[Stage]
    inputs: list[Buffer]
    outputs: list[Buffer]

    def buffers(self) -> list[Buffer]:
        """Every buffer once: inputs first, then as the stages write them."""
        return self.inputs + [b for stage in self.stages for b in stage.outputs]
