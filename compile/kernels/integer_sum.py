# SPDX-License-Identifier: Apache-2.0
"""Integer sums: int16 lanes that start from a bias and take in one product after the other.

A sum may wrap on the way; that its end never leaves int16 is proved (passes/prove_sums.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from tvm.ir import Expr as TirExpr

from ..ir.expressions import Expr, Inputs, Leaf, Pointwise
from .byte_pairs import add_bent, excess
from .context import Context

I64 = npt.NDArray[np.int64]
Extent: TypeAlias = tuple[I64, I64]
"""The least and the largest value of each channel, int64 [C] both."""


@dataclass(frozen=True, eq=False)
class Exact(Pointwise):
    """A kind whose values are whole numbers: nothing is rounded, and no constants make it transparent."""

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.abs(value(self).astype(np.int64))

    def identity(self) -> Expr | None:
        return None

    @abstractmethod
    def extent(self, *parts: Extent) -> Extent:
        """The least and the largest value of each channel, of parts of such extents; for any map, of a leaf."""


@dataclass(frozen=True, eq=False)
class ExactLeaf(Leaf):
    """The same of a kind that reads a stored map."""

    is_never_negative_zero = True

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.abs(value(self).astype(np.int64))

    def identity(self) -> Expr | None:
        return None

    @abstractmethod
    def extent(self, *parts: Extent) -> Extent:
        """The least and the largest value of each channel, of parts of such extents; for any map, of a leaf."""


class Summand(ABC):
    """A kind that is taken into a sum of int16 lanes."""

    def pair_excess(self) -> I64 | None:
        """What it is too large by in a sum in pair order, each channel's; None where it cannot be taken into one."""
        return None

    @abstractmethod
    def add_to_all(self, ctx: Context, channels: list[TirExpr], totals: list[TirExpr | None]) -> list[TirExpr]:
        """TIR of the `totals` of some channels, int16 lanes or nothing yet, and it."""


@dataclass(frozen=True, eq=False)
class Term(Exact, Summand):
    """A part of a sum: products of int8 values and constants, a channel by itself."""

    def emit_channel(self, ctx: Context, o: TirExpr, *parts: TirExpr) -> TirExpr:
        return self.add_to(ctx, o, None, *parts)

    def add_to_all(self, ctx: Context, channels: list[TirExpr], totals: list[TirExpr | None]) -> list[TirExpr]:
        parts = [ctx.emit(part, self.part_channels(channels)) for part in self.children()]
        columns = [[values[i] for values in parts] for i in range(len(channels))]
        return [self.add_to(ctx, o, t, *c) for o, t, c in zip(channels, totals, columns, strict=True)]

    @abstractmethod
    def add_to(self, ctx: Context, o: TirExpr, total: TirExpr | None, *parts: TirExpr) -> TirExpr:
        """TIR of `total`, int16 lanes or nothing yet, and the term of channel `o`, given the values of its parts."""


@dataclass(frozen=True, eq=False)
class Bent(Term):
    """slope*x + bend*max(x, knee) of an int8 part."""

    x: Expr

    @abstractmethod
    def line(self) -> tuple[I64, I64, I64]:
        """Slope, bend and knee of each channel."""

    def pair_excess(self) -> I64 | None:
        slope, bend, _ = self.line()
        return excess(slope, bend)

    def add_to(self, ctx: Context, o: TirExpr, total: TirExpr | None, *parts: TirExpr) -> TirExpr:
        (x,) = parts
        return add_bent(ctx, self, self.line(), o, total, x) if ctx.pairs else self.add_products(ctx, o, total, x)

    @abstractmethod
    def add_products(self, ctx: Context, o: TirExpr, total: TirExpr | None, x: TirExpr) -> TirExpr:
        """TIR of `total` and the term of channel `o`, by one product after the other."""


def byte_constants(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """int8 constants as the bytes that a parameter block has."""
    return np.ascontiguousarray(values.astype(np.int8)).view(np.uint8)


def constant(ctx: Context, owner: object, name: str, values: npt.NDArray[Any], o: TirExpr | int) -> TirExpr:
    """Element `o` of int8 constants, in every lane."""
    return ctx.simd.reinterpret(ctx.per_channel(owner, name, byte_constants(values), o), "int8")


def multiply_add(ctx: Context, total: TirExpr | None, x: TirExpr, factor: TirExpr) -> TirExpr:
    """total + x*factor in int16 lanes, of int8 lanes (smlal)."""
    s = ctx.simd
    product = s.cast(x, "int16") * s.cast(factor, "int16")
    return ctx.bind(product if total is None else total + product)


def slopes_extent(negative: npt.NDArray[Any], positive: npt.NDArray[Any], low: I64, high: I64) -> Extent:
    """The extent of x < 0 ? negative*x : positive*x for x of low .. high."""
    n, p = negative.astype(np.int64), positive.astype(np.int64)
    below, above = np.minimum(low, 0), np.maximum(high, 0)
    ends = np.stack([n * below, np.zeros_like(n), p * above])
    return ends.min(0), ends.max(0)
