# SPDX-License-Identifier: Apache-2.0
"""Proves that no sum of a program's integer kernels leaves 16 bits, whatever the frame; changes nothing.

Every stored map may have any number that its encoding holds; an expression's extent follows from those of its parts
(`Exact.extent`). Sums may wrap in between; what is requantised, and each half of what is summed over all channels, may
not. The kernels rely on it. It is of what is compiled, whatever made the file and whatever its metadata says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import CompileError
from ..ir.expressions import Expr
from ..ir.stages import Program, Stage
from ..ir.sums import SUM_HIGH, SUM_LOW, Proof
from ..kernels import IntegerMix, Load, Requantize
from ..kernels.integer_sum import Exact, ExactLeaf, Extent
from ..refusals import integers
from ..storage import Integer


def prove_sums(program: Program, path: str) -> Proof:
    """The proof, of no sums where it is no integer network. Raises CompileError, which names the file and the layer,
    where a sum may leave 16 bits."""
    sums, largest = 0, 0
    for stage in program.stages:
        for count, low, high in sums_of(stage):
            if low < SUM_LOW or high > SUM_HIGH:
                raise CompileError(
                    f"{path}: layer '{stage.name}': its sums may be {low} to {high}, more than 16 bits hold; quantise "
                    "it again",
                    integers.OVERFLOW,
                )
            sums, largest = sums + count, max(largest, -low, high)
    return Proof(sums, largest)


def sums_of(stage: Stage) -> Iterator[tuple[int, int, int]]:
    """Channels, the least and the largest sum of each expression that adds up."""
    for e in stage.expressions():
        match e:
            case Requantize():
                low, high = e.sum_extent(extent_of(e.x))
                yield e.channels, int(low.min()), int(high.max())
            case IntegerMix():
                lows, highs = zip(*e.half_extents(), strict=True)
                yield e.channels, min(lows), max(highs)


def extent_of(e: Expr) -> Extent:
    """The least and the largest value of each channel."""
    if isinstance(e, Load):
        assert isinstance(e.buffer.encoding, Integer)
        low, high = e.buffer.encoding.extent
        return np.full(e.channels, low, np.int64), np.full(e.channels, high, np.int64)
    assert isinstance(e, Exact | ExactLeaf)
    return e.extent(*map(extent_of, e.children()))
