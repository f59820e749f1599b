# SPDX-License-Identifier: Apache-2.0
"""ChannelConvolution: a full-precision convolution by vectors of channels.

Of a tile's pixels, the sums of 8 outputs stay in registers. A tap's 8 weights are loaded once for all of them, and
multiplied by an element of a vector that holds what the pixels read (A64: FMLA by element), so that nothing is spread
over lanes: neither weights, which lie once, in the order in which they are read, nor pixels. Of an interleaved map
such a vector is 4 channels of a pixel; of planes it is 4 columns of a channel, which are taps of several pixels. A core
without such a multiply-add loads each element into all lanes (x86-64: VBROADCASTSS, of which the load is all).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.expressions import Leaf, kind
from ..ir.stages import Stage
from ..ir.window import Window
from ..storage import Float32, Interleaved
from ..storage.encoding import BLOCK
from .channel_bands import Fetches
from .channel_context import ChannelContext, as_words
from .context import Context
from .convolution import Convolution
from .load import Load
from .simd import Simd

QUARTER = Simd(4)
"""float32 of 16 bytes, an element of which is a factor."""
WORDS = 2 * BLOCK
"""Words of 8 weights."""
SUMS = 4
"""Sums a vector of outputs that are added up side by side at least: a multiply-add's result is waited for."""

UNROLLED = 4
"""Columns of a window that are no loop: more take LLVM long."""

Element = tuple[TirExpr, int]
"""A vector of 4, and a lane of it."""
Taps = tuple[TirExpr | int, int, list[TirExpr]]
"""A weight's column and its channel of those that are read together; what each pixel of a tile reads, in all lanes."""


@kind
@dataclass(frozen=True, eq=False)
class ChannelConvolution(Convolution):
    """Convolution of groups of whole blocks of 8 outputs; of an interleaved map, of whole blocks of 8 inputs too."""

    leads: ClassVar[int | None] = 11
    has_channel_lanes: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True

    @property
    def depth(self) -> int:
        """Channels of the map that are read together."""
        return BLOCK if isinstance(self.buffer.layout, Interleaved) else 1

    @property
    def turns(self) -> int:
        """Turns of the loop over a group's inputs."""
        return self.weight.shape[1] // self.depth

    def fetches(self, stage: Stage) -> Fetches:
        """The bytes that it fetches as a part of a stage. Its inputs may be cut where sums have a map to wait in, are
        in one part, and are added up input by input."""
        output, sums = sums_output(stage), None
        if output is not None and self.groups == self.weight.shape[2] == parts_of(stage.width) == 1:
            sums = stage.outputs[output].map_bytes
        size = len(self.weight), self.weight[0].nbytes
        return Fetches(self.operands()[0], *size, stage.height, self.turns, sums, not self.is_alone(stage))

    def is_alone(self, stage: Stage) -> bool:
        """Whether nothing else of a stage reads more of its maps than the pixel at hand."""
        return all(e is self or isinstance(e, Load) for e in stage.expressions() if isinstance(e, Leaf))

    def suits_band(self, stage: Stage) -> int:
        """The rows with which it fetches least."""
        return self.fetches(stage).band

    def ordered_weights(self) -> npt.NDArray[np.int16]:
        """[blocks of 8 outputs][rows][inputs / depth][columns][depth][8 outputs], as words."""
        m, c, kh, kw = self.weight.shape
        blocks = self.weight.reshape(m // BLOCK, BLOCK, c // self.depth, self.depth, kh, kw)
        return as_words(blocks.transpose(0, 4, 2, 5, 3, 1))

    def begin_block(self, ctx: Context, channels: list[TirExpr | int]) -> list[TirExpr]:
        """Sums of 8 outputs, for each pixel of the tile a local buffer; none where all of them wait in a map."""
        assert isinstance(ctx, ChannelContext)
        share = ctx.shares.get(id(self)) or Share(0, self.turns)
        return self.sum_share(ctx, channels[0], share) if share.turns else []

    def sum_share(self, ctx: ChannelContext, o: TirExpr | int, share: Share) -> list[TirExpr]:
        """The sums of 8 outputs from `o` on, of those inputs and all before them, as local buffers."""
        outputs, inputs, kh, kw = self.weight.shape
        weights, base = ctx.parameter(self, "weight", self.ordered_weights)
        parts = parts_of(ctx.width)
        sums = share.start(ctx, o, lambda: ctx.per_channel(self, "bias", self.bias, o), parts)
        block = base + tirx.floordiv(o, BLOCK) * (kh * inputs * kw * WORDS)
        first = tirx.floordiv(o, outputs // self.groups) * inputs if self.groups > 1 else 0
        with ctx.each_row(self.operands()[0]) as rows:
            for ky, row in rows:
                with ctx.loop(share.turns) as n:
                    turn = share.first + n
                    at = block + (ky * inputs + turn * self.depth) * (kw * WORDS)
                    plane = first + turn * self.depth
                    read = self.interleaved_taps if self.depth > 1 else self.plane_taps
                    for kx, c, pixels in read(ctx, row, plane):
                        place = at + (kx * self.depth + c) * WORDS
                        tap = ctx.bind(ctx.vector_at(weights, place, "float32", BLOCK))
                        for total, pixel in zip(sums, pixels, strict=True):
                            total.add(c, pixel, tap)
        return [total.together() for total in sums]

    def interleaved_taps(self, ctx: ChannelContext, row: TirExpr, plane: TirExpr | int) -> Iterator[Taps]:
        """For each weight what the tile's pixels read, of 8 channels that lie side by side."""
        w, buffer = self.window, self.buffer
        for kx in columns_of(ctx, w, UNROLLED):
            at = buffer.layout.at(buffer, plane, ctx.column * w.strides[1], kx * w.dilations[1] - w.pads[1])
            for half in range(0, BLOCK, QUARTER.lanes):
                places = [at + i * w.strides[1] * BLOCK + half for i in range(ctx.tile)]
                pixels = [in_all_lanes(ctx, row, place, QUARTER.lanes) for place in places]
                for lane in range(QUARTER.lanes):
                    yield kx, half + lane, [pixel(lane) for pixel in pixels]

    def plane_taps(self, ctx: ChannelContext, row: TirExpr, plane: TirExpr | int) -> Iterator[Taps]:
        """For each weight what the tile's pixels read, of one channel: all columns that they read are loaded once."""
        w, buffer = self.window, self.buffer
        (stride, dilation), kw = (w.strides[1], w.dilations[1]), w.kernel[1]
        at = buffer.layout.at(buffer, plane, ctx.column * stride, -w.pads[1])
        column = in_all_lanes(ctx, row, at, (ctx.tile - 1) * stride + (kw - 1) * dilation + 1)
        for kx in range(kw):
            yield kx, 0, [column(i * stride + kx * dilation) for i in range(ctx.tile)]

    def emit(self, ctx: Context, channels: list[TirExpr]) -> list[TirExpr]:
        """The sums of the pixel at hand."""
        assert isinstance(ctx, ChannelContext)
        share = ctx.shares.get(id(self))
        if share and share.waiting and not share.turns:
            return [share.waiting(channels[0], ctx.pixel)]
        return [ctx.bind(ctx.simd.load(ctx.block(self)[ctx.pixel], 0))]


def parts_of(width: int) -> int:
    """Parts of a pixel's sum: more where a row has few pixels. They follow from the row alone: what a sum is rounded to
    is no matter of the schedule, nor of the tile that its pixel is in."""
    return -(-SUMS // min(width, SUMS))


class Sums:
    """8 sums of a pixel in registers, in several parts that do not wait for each other."""

    def __init__(self, ctx: ChannelContext, start: TirExpr | None, parts: int) -> None:
        self.ctx = ctx
        self.parts = [T.alloc_buffer((BLOCK,), "float32", scope="local") for _ in range(parts)]
        if start is not None:
            self.start(start)

    def start(self, value: TirExpr) -> None:
        """A value in the first part, and zeros in the others."""
        for n, part in enumerate(self.parts):
            self.ctx.simd.store(part, self.ctx.simd.const(0.0, "float32") if n else value, 0)

    def add(self, n: int, x: TirExpr, factor: TirExpr) -> None:
        """Products, to the part that is the next one's turn."""
        s, part = self.ctx.simd, self.parts[n % len(self.parts)]
        s.store(part, s.fma(x, factor, s.load(part, 0)), 0)

    def together(self) -> TirExpr:
        """The sum of all parts."""
        s, (first, *others) = self.ctx.simd, self.parts
        for part in others:
            s.store(first, s.load(first, 0) + s.load(part, 0), 0)
        return first


@dataclass(frozen=True)
class Share:
    """Some of a convolution's inputs: so many turns of its loop, which may be none, from the `first` on."""

    first: TirExpr | int
    turns: int
    waiting: Callable[[TirExpr | int, int], TirExpr] | None = None
    """The sums of all inputs before, of 8 outputs from one on and a pixel of the tile; None where there are none."""
    is_later: TirExpr = field(default_factory=lambda: tirx.const(True, "bool"))
    """Whether there are any, where that shows when the kernel runs."""

    def start(self, ctx: ChannelContext, o: TirExpr | int, bias: Callable[[], TirExpr], parts: int) -> list[Sums]:
        """Sums of a tile's pixels that start from the bias, or from what waits."""
        if self.waiting is None:
            return [Sums(ctx, bias(), parts) for _ in range(ctx.tile)]
        sums = [Sums(ctx, None, parts) for _ in range(ctx.tile)]
        with T.If(self.is_later):
            with T.Then():
                for i, total in enumerate(sums):
                    total.start(self.waiting(o, i))
            with T.Else():
                for total in sums:
                    total.start(bias())
        return sums


def sums_output(stage: Stage) -> int | None:
    """The output of a stage in whose place sums of its channels may wait: of numbers, by blocks of channels, that takes
    no other map's place; None where there is none, or branches are concatenated."""
    if len(stage.results[0]) > 1 or stage.copies > 1:
        return None
    for n, b in enumerate(stage.outputs):
        is_interleaved = isinstance(b.layout, Interleaved) and b.layout.block == BLOCK
        if isinstance(b.encoding, Float32) and is_interleaved and b.replaces is None:
            return n
    return None


def columns_of(ctx: ChannelContext, window: Window, most: int) -> Iterator[TirExpr | int]:
    """A window's columns one after the other, or in a loop where there are more than so many."""
    if window.kernel[1] <= most:
        yield from range(window.kernel[1])
        return
    with ctx.loop(window.kernel[1]) as kx:
        yield kx


def in_all_lanes(ctx: ChannelContext, row: TirExpr, at: TirExpr, count: int) -> Callable[[int], TirExpr]:
    """What gives each of so many neighbouring elements in all lanes: out of vectors that are loaded once, where the
    core's multiply-adds take their elements, else each by a load of its own."""
    s = ctx.simd
    if not ctx.core.takes_elements:
        return lambda i: ctx.bind(s.splat(row[at + i]))
    elements = loaded_columns(ctx, row, at, count)

    def spread(i: int) -> TirExpr:
        vector, lane = elements[i]
        return s.shuffle([vector] * 2, [lane] * BLOCK)

    return spread


def loaded_columns(ctx: ChannelContext, row: TirExpr, at: TirExpr, count: int) -> list[Element]:
    """So many neighbouring elements, in vectors of 4; none beyond them is read."""
    if count < QUARTER.lanes:
        return [(ctx.bind(QUARTER.splat(row[at + i])), 0) for i in range(count)]
    starts = [min(start, count - QUARTER.lanes) for start in range(0, count, QUARTER.lanes)]
    vectors = [ctx.bind(QUARTER.load(row, at + start)) for start in starts]
    of = [i // QUARTER.lanes for i in range(count)]
    return [(vectors[n], i - starts[n]) for i, n in enumerate(of)]
