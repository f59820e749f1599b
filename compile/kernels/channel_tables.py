# SPDX-License-Identifier: Apache-2.0
"""Counts of the bits in which pixels' windows agree with 64 outputs' weights, by tables, for cores that look bytes up.

Half a byte of a pixel picks a table of 16 bytes: the bits in which it differs from 0 to 15. Half a byte of each of 32
outputs' weights looks its count up there: two instructions, a look-up and an addition, are 128 one-bit multiply-adds,
where to compare and count 32 bytes takes eight for 256. No pixel's bits are spread, and no sum crosses lanes. The
weights of 64 outputs share each table, as 32 would not be enough to pay for its address.

Weights lie as half bytes, in the order in which they are read, each vector's outputs 0, 16, 1, 17, ...: even and odd
bytes then are vectors of neighbouring outputs when their counts are widened, at the latest after 31 bytes of a window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..storage.encoding import BLOCK
from .binary_dot import CHUNK
from .channel_context import ChannelContext, as_words
from .channel_turns import chunks, repeated
from .simd import Simd

if TYPE_CHECKING:
    from .channel_dot import ChannelDot

SPAN = 8
"""Blocks of 8 outputs that are counted together."""
PIXELS = 4
"""Pixels of a tile at most: of each there are two vectors of counts."""
OUTPUTS = SPAN * BLOCK
BYTES, WORDS, TABLE = Simd(32), Simd(16), Simd(16)
HALF = 4
"""Bits of half a byte."""
TURN = 2 * OUTPUTS // 2
"""Words of weights for a byte of a window: two halves of 64 outputs."""


def differing_bits() -> npt.NDArray[np.int16]:
    """The tables [16, 16], bytes as words: the bits in which two half bytes differ."""
    n = np.arange(1 << HALF, dtype=np.uint8)
    return as_words(np.unpackbits((n[:, None] ^ n)[..., None], axis=-1).sum(-1, dtype=np.uint8))


def half_bytes(inverted: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Words of [spans of 64 outputs][bytes of the window][halves][64 outputs], of bytes [outputs, bytes]."""
    halves = np.stack([inverted & (1 << HALF) - 1, inverted >> HALF])  # [halves, outputs, bytes]
    spans = halves.reshape(2, -1, OUTPUTS // BYTES.lanes, 2, BYTES.lanes // 2, inverted.shape[1])
    return as_words(spans.transpose(1, 5, 0, 2, 4, 3).reshape(-1, 2 * OUTPUTS))


def count_by_tables(dot: ChannelDot, ctx: ChannelContext, o: TirExpr | int) -> TirExpr:
    """A local buffer of uint16 [pixels of the tile][64 outputs from `o` on]: from where the border has them start, the
    bits that agree."""
    totals = T.alloc_buffer((ctx.tile * OUTPUTS,), "uint16", scope="local")
    words, places = dot.starts(ctx, o)
    for i, place in enumerate(places):
        for v in range(0, OUTPUTS, WORDS.lanes):
            WORDS.store(totals, WORDS.reinterpret(WORDS.load(words, place + v), "uint16"), i * OUTPUTS + v)
    weights, base = ctx.parameter(dot, "half bytes", lambda: half_bytes(dot.inverted_rows()))
    pieces, kh = list(dot.pieces((1,))), dot.window.kernel[0]
    row_words = sum(p.count for p in pieces) * TURN
    with ctx.each_row(dot.operands()[0]) as rows:
        for ky, row in rows:
            at = base + (tirx.floordiv(o, OUTPUTS) * kh + ky) * row_words
            for p in pieces:
                for first, turns, length in chunks(p.count, CHUNK):
                    with repeated(ctx, turns) as part:
                        sums = Sums(ctx, dot, totals)
                        with repeated(ctx, length) as inner:
                            turn = first + part * length + inner
                            sums.add(row, dot.first_bits(ctx, o, p, turn), weights, at + turn * TURN)
                        sums.carry()
                at += p.count * TURN
    return totals


class Sums:
    """Counts in bytes of the pixels of a tile, two vectors of each."""

    def __init__(self, ctx: ChannelContext, dot: ChannelDot, totals: TirExpr) -> None:
        self.ctx, self.totals = ctx, totals
        self.tables = ctx.parameter(dot, "tables", differing_bits)
        self.step = dot.window.strides[1] * dot.buffer.layout.strides(dot.buffer)[0]
        self.counts = [[ctx.allocate("uint8", BYTES) for _ in range(0, OUTPUTS, BYTES.lanes)] for _ in range(ctx.tile)]
        for count in self.each():
            BYTES.store(count, BYTES.const(0, "uint8"), 0)

    def each(self) -> list[TirExpr]:
        """All vectors."""
        return [count for pixel in self.counts for count in pixel]

    def add(self, row: TirExpr, bits: TirExpr, weights: TirExpr, at: TirExpr) -> None:
        """One byte of each pixel, the first one's at `bits`."""
        ctx, step = self.ctx, BYTES.lanes // 2
        taps = [ctx.bind(ctx.vector_at(weights, at + n * step, "uint8", BYTES.lanes)) for n in range(TURN // step)]
        for i, pixel in enumerate(self.counts):
            byte = ctx.bind(tirx.Cast(PrimType("int32"), row[bits + i * self.step]))
            for half, index in enumerate((byte & (1 << HALF) - 1, tirx.shift_right(byte, tirx.const(HALF, "int32")))):
                table = self.table(index)
                for count, tap in zip(pixel, taps[half * len(pixel) :], strict=False):
                    found = tirx.call_llvm_pure_intrin(
                        PrimType(BYTES.dtype("uint8")), str(ctx.core.look_up), table, tap
                    )
                    BYTES.store(count, BYTES.load(count, 0) + found, 0)

    def table(self, index: TirExpr) -> TirExpr:
        """The table of half a byte, in both halves of a vector."""
        section, base = self.tables
        table = self.ctx.bind(self.ctx.vector_at(section, base + index * (TABLE.lanes // 2), "uint8", TABLE.lanes))
        return self.ctx.bind(Simd.shuffle([table] * (BYTES.lanes // TABLE.lanes), range(BYTES.lanes)))

    def carry(self) -> None:
        """Add them to the totals."""
        s = WORDS
        for n, count in enumerate(self.each()):
            pairs = self.ctx.bind(s.reinterpret(BYTES.load(count, 0), "uint16"))
            for odd, added in enumerate((pairs & s.const(0xFF, "uint16"), s.shift_right(pairs, 8, "uint16"))):
                at = n * BYTES.lanes + odd * s.lanes
                s.store(self.totals, s.load(self.totals, at) + added, at)
