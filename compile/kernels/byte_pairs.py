# SPDX-License-Identifier: Apache-2.0
"""Lines with one bend by products of pairs of bytes, for cores that have them (AVX2).

slope*x + bend*max(x, knee) is one instruction for 16 lanes: it multiplies bytes without a sign by bytes with one, and
adds the products of neighbours, saturating. With x + 128 for x its sum is 128*(slope + bend) too large, which the bias
that a sum starts from makes good (`excess`).

Bytes are interleaved within each half of a vector, and so their sums lie: of 32 lanes 0-7, 16-23, 8-15, 24-31. This is
*pair order*. To narrow them within the halves too brings the columns back in order; to widen and narrow them across
would cost more than all products. `Context.pairs` says whether the sums at hand are in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType

from .simd import Simd

if TYPE_CHECKING:
    from .context import Context

I64 = npt.NDArray[np.int64]
LANES, HALF = 32, 16
"""Lanes that are interleaved at once: bytes, and the sums of pairs of them."""
MIDDLE = 128
"""What is added to an int8 to be without a sign."""
WORD = np.iinfo(np.int16)
LOW_LANES, HIGH_LANES = (
    [at + LANES * n for half in (0, HALF) for at in range(half + first, half + first + 8) for n in (0, 1)]
    for first in (0, 8)
)
"""Lanes of two vectors of bytes that are interleaved: the lower 8 of each half, and the upper 8."""


def takes_pairs(ctx: Context) -> bool:
    """Whether the core multiplies pairs, and vectors are as long as it needs."""
    return ctx.core.multiply_pairs is not None and ctx.core.pack is not None and ctx.simd.lanes % LANES == 0


@contextmanager
def in_pair_order(ctx: Context, pairs: bool) -> Iterator[None]:
    """The sums that are emitted within are in pair order, or not."""
    before, ctx.pairs = ctx.pairs, pairs
    try:
        yield
    finally:
        ctx.pairs = before


def factors(slope: I64, bend: I64, knee: I64) -> list[npt.NDArray[np.uint16]]:
    """The pairs of factors (slope below, bend above) whose products add up to it, each for all channels: one pair
    where its sum fits 16 bits for every x, otherwise three."""
    x = np.arange(2 * MIDDLE)[:, None]
    sums = slope * x + bend * np.maximum(x, knee + MIDDLE)
    whole = WORD.min <= sums.min() and sums.max() <= WORD.max and np.abs(bend).max() < MIDDLE
    none, half = np.zeros_like(bend), bend // 2
    pairs = [(slope, bend)] if whole else [(slope, bend - 2 * half), (none, half), (none, half)]
    return [(a & 0xFF | (b & 0xFF) << 8).astype(np.uint16) for a, b in pairs]


def excess(slope: I64, bend: I64) -> I64:
    """What such a sum is too large by, each channel's."""
    return MIDDLE * (slope + bend)


def add_bent(
    ctx: Context, owner: object, line: tuple[I64, I64, I64], o: TirExpr, total: TirExpr | None, x: TirExpr
) -> TirExpr:
    """`total` and slope*x + bend*max(x, knee), and its `excess`, of int8 lanes; `line` has the three constants of all
    channels."""
    s = ctx.simd
    knees = (line[2] + MIDDLE).astype(np.uint8)
    shifted = ctx.bind(s.reinterpret(x, "uint8") ^ s.const(MIDDLE, "uint8"))
    above = ctx.bind(tirx.max(shifted, ctx.per_channel(owner, "knee of pairs", knees, o)))
    pairs = [ctx.bind(v) for v in interleaved(s, shifted, above)]
    for n, words in enumerate(factors(*line)):
        factor = ctx.pair(owner, f"pair {n}", words, o)
        products = s.shuffle([products_of(ctx, pair, factor) for pair in pairs], lanes(s))
        total = ctx.bind(products if total is None else total + products)
    assert total is not None
    return total


def interleaved(s: Simd, low: TirExpr, high: TirExpr) -> list[TirExpr]:
    """Pairs of bytes of two vectors, 16 in each."""
    part = Simd(LANES)
    found = []
    for at in range(0, s.lanes, LANES):
        both = [part.shuffle([v], range(at, at + LANES)) for v in (low, high)]
        found += [part.shuffle(both, order) for order in (LOW_LANES, HIGH_LANES)]
    return found


def lanes(s: Simd) -> range:
    """All lanes, of vectors that are joined."""
    return range(s.lanes)


def products_of(ctx: Context, pair: TirExpr, factor: TirExpr) -> TirExpr:
    """16 int16 sums of products of two."""
    assert ctx.core.multiply_pairs
    kind = PrimType(Simd(HALF).dtype("int16"))
    return ctx.bind(tirx.call_llvm_pure_intrin(kind, ctx.core.multiply_pairs, pair, factor))


def narrowed(ctx: Context, total: TirExpr, shift: int) -> TirExpr:
    """int16 sums in pair order, shifted right and saturated to int8 lanes in the order of columns."""
    s, part = ctx.simd, Simd(HALF)
    assert ctx.core.pack
    kind, total = PrimType(Simd(LANES).dtype("int8")), ctx.bind(total)
    found: list[TirExpr] = []
    for at in range(0, s.lanes, LANES):
        both = [part.shuffle([total], range(first, first + HALF)) for first in (at, at + HALF)]
        shifted = [ctx.bind(tirx.shift_right(v, part.const(shift, "int16")) if shift else v) for v in both]
        found.append(ctx.bind(tirx.call_llvm_pure_intrin(kind, ctx.core.pack, *shifted)))
    return found[0] if len(found) == 1 else s.shuffle(found, lanes(s))
