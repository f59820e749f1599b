# SPDX-License-Identifier: Apache-2.0
"""Turns of a counting loop: as many together as a byte holds the counts of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from tvm.ir import Expr as TirExpr

from .context import Context


def chunks(count: int, most: int | None) -> Iterator[tuple[int, int, int]]:
    """The first of each run of turns, and so many times so many turns, at most `most` each, about as many."""
    if most is None or count <= most:
        yield 0, 1, count
        return
    length = -(-count // -(-count // most))
    whole, rest = divmod(count, length)
    yield 0, whole, length
    if rest:
        yield whole * length, 1, rest


def repeated(ctx: Context, turns: int) -> AbstractContextManager[TirExpr | int]:
    """A loop, where there is more than one turn."""
    return ctx.loop(turns) if turns > 1 else nullcontext(0)
