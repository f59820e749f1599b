# SPDX-License-Identifier: Apache-2.0
"""Bits that differ, counted by tables, for cores that look bytes up but do not count their bits (AVX2).

popcount(a XOR w) of four bits of a is a table of 16 bytes, which w decides. Two channels' counts, at most 4 each, share
its bytes: the even channel's in the lower half of a byte, the odd one's above. A look-up takes 4 bits of 32 pixels for
two channels, and three of them add up to at most 12 in either half. Of such sums S two totals are kept,

    A = sum of S  (mod 256),    H = sum of S >> 4,

and the even channel's count is A - 16*H (mod 256), the odd one's H. That is 3 instructions for 8 bits of 32 pixels and
one channel, where an XOR and a look-up for each half of a byte are 8.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.sym import Analyzer

from ..storage.integer_bits import HALF
from .context import Context
from .simd import Simd

TABLE = 16
"""Bytes of a table."""
TOGETHER = 3
"""Look-ups whose counts fit half a byte."""
LANES = 32
"""Bytes that are looked up at once."""


def counts_by_tables(ctx: Context, channels: list[TirExpr]) -> bool:
    """Whether the channels at hand are counted so: pairs of an even one and the next."""
    if ctx.core.look_up is None or ctx.simd.lanes % LANES or len(channels) % 2:
        return False
    return bool(Analyzer().can_prove_equal(tirx.floormod(channels[0], 2), 0))


def pair_tables(inverted: npt.NDArray[np.bool_], counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """[pairs of channels, planes, kh, kw, halves of a byte, 8] int16, the 16 bytes of each table, of bits [channels,
    planes, kh, kw, 8]: whether a pixel's bit counts where it is clear, and whether it counts at all."""
    index = np.arange(TABLE)[:, None] >> np.arange(HALF) & 1 != 0  # [index, bit]
    shape = (*inverted.shape[:-1], 2, 1, HALF)
    found = ((index != inverted.reshape(shape)) & counted.reshape(shape)).sum(-1, dtype=np.uint8)
    found = np.concatenate([found, np.zeros_like(found[: len(found) % 2])])
    return np.ascontiguousarray(found[::2] | found[1::2] << HALF).view(np.int16)


class TableCount:
    """The counts of some channels: `tables` are `pair_tables`, `taps` of them a pair."""

    def __init__(self, ctx: Context, channels: list[TirExpr], tables: tuple[TirExpr, int], taps: int) -> None:
        self.ctx, self.taps, (self.section, self.base) = ctx, taps, tables
        self.pairs = [(o, ctx.allocate("uint8"), ctx.allocate("uint8")) for o in channels[::2]]
        for _, total, high in self.pairs:
            for sums in (total, high):
                ctx.simd.store(sums, ctx.simd.const(0, "uint8"), 0)

    def add(self, taps: list[tuple[TirExpr | int, list[TirExpr]]]) -> None:
        """Count the pixels of some taps, lower and upper halves of their bytes, each with its number among a
        channel's."""
        s, halves = self.ctx.simd, ((2 * tap + n, half) for tap, both in taps for n, half in enumerate(both))
        while group := list(itertools.islice(halves, TOGETHER)):
            for o, total, high in self.pairs:
                first = tirx.floordiv(o, 2) * (2 * self.taps)
                found = [self.look_up(first + n, half) for n, half in group]
                added = self.ctx.bind(sum(found[1:], found[0]))
                s.store(total, self.kept(s.load(total, 0) + added), 0)
                s.store(high, self.kept(s.load(high, 0) + s.shift_right(added, HALF, "uint8")), 0)

    def kept(self, total: TirExpr) -> TirExpr:
        """A total that LLVM does not take apart: it would wait with several sums, to add them up first, and spill."""
        s = self.ctx.simd
        return s.reinterpret(self.ctx.fenced(s.reinterpret(total, "int8")), "uint8")

    def look_up(self, n: TirExpr | int, half: TirExpr) -> TirExpr:
        """Bytes of the `n`-th table at the places that `half` says, below 16."""
        ctx, words = self.ctx, Simd(TABLE // 2)
        assert ctx.core.look_up
        table = ctx.bind(words.load(self.section, self.base + n * words.lanes))
        table = ctx.bind(tirx.reinterpret(PrimType(Simd(TABLE).dtype("uint8")), table))
        wide = ctx.bind(Simd.shuffle([table] * (LANES // TABLE), range(LANES)))
        return ctx.by_parts(ctx.core.look_up, LANES, "uint8", [half], lambda part: [wide, *part])

    def counts(self) -> list[TirExpr]:
        """uint8 counts, a channel each."""
        s, ctx = self.ctx.simd, self.ctx
        return [count for _, total, high in self.pairs for count in split(ctx, s.load(total, 0), s.load(high, 0))]


def split(ctx: Context, total: TirExpr, high: TirExpr) -> tuple[TirExpr, TirExpr]:
    """The two counts of a pair."""
    high = ctx.bind(high)
    return ctx.bind(total - tirx.shift_left(high, ctx.simd.const(HALF, "uint8"))), high
