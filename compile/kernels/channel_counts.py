# SPDX-License-Identifier: Apache-2.0
"""Counts of the bits in which a pixel's window agrees with 8 outputs' weights: where their vectors add them up.

Which way is a core's (`Core.window_bytes`), by what it adds in one instruction. *Pairwise* (A64): a piece of 16 bytes
is compared with a vector of each output's weights, and neighbouring counts are added until 8 sums are left. *In bytes*
(AVX2, AVX-512): 4 bytes, spread by their load, are compared with one vector that holds 4 of each output; its counts of
32 bytes stay where they are until a byte is full, so that nothing crosses lanes but once in 31 vectors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import Core
from ..storage.encoding import BLOCK
from .binary_dot import CHUNK
from .channel_context import ChannelContext
from .simd import Simd

WORDS = Simd(BLOCK)


class Counts(ABC):
    """The counts of one pixel, of 8 outputs."""

    sizes: ClassVar[tuple[int, ...]]
    """Bytes of a window's row that may be compared at once, the most first; the last are 2."""
    vector: ClassVar[int]
    """Bytes of a vector of weights."""
    least: ClassVar[int] = 2
    """Bytes that an output's weights are filled up to, with zeros."""
    together: ClassVar[int | None] = None
    """Vectors that are added up before `carry` must be called; None: any number."""

    def __init__(self, ctx: ChannelContext, start: TirExpr) -> None:
        self.ctx, self.words = ctx, T.alloc_buffer((BLOCK,), "uint16", scope="local")
        WORDS.store(self.words, WORDS.reinterpret(start, "uint16"), 0)

    @classmethod
    def weight_words(cls, size: int) -> int:
        """Words of a piece's weights of 8 outputs."""
        return BLOCK * max(size, cls.least) // 2

    @abstractmethod
    def spread(self, row: TirExpr, at: TirExpr, size: int) -> TirExpr:
        """`size` bytes of a row, again and again, to fill a vector."""

    @abstractmethod
    def add(self, counts: Sequence[TirExpr]) -> None:
        """Counts of bytes: the vectors of one piece."""

    @abstractmethod
    def carry(self) -> None:
        """Make room for as many vectors again as go together."""

    @abstractmethod
    def total(self) -> TirExpr:
        """A local buffer of uint16: what the counts started from and all that was added, once it is carried."""


class Pairwise(Counts):
    """Counts that are added to 16 bits piece by piece."""

    sizes: ClassVar = (16, 8, 4, 2)
    vector: ClassVar = 16

    def spread(self, row: TirExpr, at: TirExpr, size: int) -> TirExpr:
        loaded = self.ctx.bind(Simd(size).load(row, at))
        if size == self.vector:
            return loaded
        word = tirx.reinterpret(f"uint{size * 8}", loaded)
        return self.ctx.bind(Simd(self.vector).reinterpret(tirx.Broadcast(word, self.vector // size), "uint8"))

    def add(self, counts: Sequence[TirExpr]) -> None:
        agree = self.ctx.fold(counts, "uint8")
        WORDS.store(self.words, self.ctx.add_pairs_wide(WORDS.load(self.words, 0), agree), 0)

    def carry(self) -> None:
        """There is always room."""

    def total(self) -> TirExpr:
        return self.words


class InBytes(Counts):
    """Counts that are added in bytes, 4 an output, and carried to words that hold two sums each."""

    sizes: ClassVar = (4, 2)
    vector: ClassVar = 4 * BLOCK
    least: ClassVar = 4
    together: ClassVar = CHUNK

    def __init__(self, ctx: ChannelContext, start: TirExpr) -> None:
        super().__init__(ctx, start)
        self.bytes_, self.halves = Simd(4 * BLOCK), Simd(2 * BLOCK)
        self.counts = ctx.allocate("uint8", self.bytes_)
        self.sums = ctx.allocate("uint16", self.halves)
        self.bytes_.store(self.counts, self.bytes_.const(0, "uint8"), 0)
        self.halves.store(self.sums, self.halves.const(0, "uint16"), 0)

    def spread(self, row: TirExpr, at: TirExpr, size: int) -> TirExpr:
        word = tirx.reinterpret(f"uint{size * 8}", self.ctx.bind(Simd(size).load(row, at)))
        wide = tirx.Broadcast(tirx.Cast(PrimType("uint32"), word), BLOCK)
        return self.ctx.bind(self.bytes_.reinterpret(wide, "uint8"))

    def add(self, counts: Sequence[TirExpr]) -> None:
        (count,) = counts
        self.bytes_.store(self.counts, self.bytes_.load(self.counts, 0) + count, 0)

    def carry(self) -> None:
        s, counts = self.halves, self.bytes_.load(self.counts, 0)
        pairs = self.ctx.bind(s.reinterpret(counts, "uint16"))
        added = (pairs & s.const(0xFF, "uint16")) + s.shift_right(pairs, 8, "uint16")
        s.store(self.sums, s.load(self.sums, 0) + added, 0)
        self.bytes_.store(self.counts, self.bytes_.const(0, "uint8"), 0)

    def total(self) -> TirExpr:
        pairs = self.ctx.bind(WORDS.reinterpret(self.halves.load(self.sums, 0), "uint32"))
        added = WORDS.cast(pairs + WORDS.shift_right(pairs, 16, "uint32"), "uint16")
        WORDS.store(self.words, WORDS.load(self.words, 0) + added, 0)
        return self.words


FORMS: dict[int | None, type[Counts]] = {None: Pairwise, **{form.sizes[0]: form for form in (Pairwise, InBytes)}}


def counts_of(core: Core) -> type[Counts]:
    """The way in which a core counts."""
    return FORMS[core.window_bytes]
