# SPDX-License-Identifier: Apache-2.0
"""The constants of one stored map: the smallest step sigma for which all of them, and every sum, fit their widths.

With the real value x of a channel, its step sigma and the shift s, the sum that is shifted is v = x * 2**s / sigma, and
u = v >> s stands for sigma * (u + 1/2). Each gain g becomes the byte round(g * 2**s / sigma). The constant B makes the
mean of v over the calibration frames what it should be, and so also makes up for what rounding the gains, the knees and
the maps that are read did to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...ops.rounding import MOST
from ..errors import CompileError
from ..ir.sums import SUM_HIGH, SUM_LOW
from ..refusals import integers
from .counts import Hinge
from .greys import Greys
from .maps import F64, Requantised
from .slopes import Pooled
from .terms import Array, Constants, Prepared, State

GROW = 1.01
"""The factor by which a step grows where a sum does not fit."""
SMALLEST = 1e-6
"""The largest value of a channel that is always 0."""
SHIFTS: tuple[tuple[type, int], ...] = ((Hinge, 6), (Pooled, 8), (Greys, 7))
"""Shifts by the term that decides; of several slopes it is that of a Hinge, of one it is 7. More would let gains leave
a byte before the map's own range does, fewer would leave gains too coarse."""


@dataclass(frozen=True)
class Fitted:
    """A stored map's constants."""

    constants: tuple[dict[str, Array], ...]
    """Of each term, bytes."""
    b: Array
    """int32 [C]."""
    shift: int
    sigma: F64
    """Real size of a step, [C]."""


def shift_of(new: Requantised) -> int:
    """The shift of a map."""
    if new.bits == 16:
        return 0
    for kind, shift in SHIFTS:
        if any(type(term) is kind for term in new.sum.terms):
            return shift
    return 7 if len(new.sum.terms) == 1 else 6


def fit(new: Requantised, state: State) -> Fitted:
    """Constants of a map on the calibration frames. Raises CompileError where there are none that fit."""
    shift, terms, offset = shift_of(new), new.sum.terms, new.sum.offset
    prepared = [term.prepared(state) for term in terms]
    mean, span = targets(new, state)
    levels = 2.0 ** (new.bits - 1) - 0.5
    sigma = np.maximum(span, SMALLEST) / levels
    for p in prepared:
        for gains in p.gains.values():
            sigma = np.maximum(sigma, largest(gains) * 2.0**shift / MOST)
    while True:
        constants = tuple(rounded(p, shift, sigma) for p in prepared)
        b = np.round(mean * 2.0**shift / sigma - sum(means(p, c) for p, c in zip(prepared, constants, strict=True)))
        bad = unfit(new, constants, b)
        if not bad.any():
            break
        sigma = np.where(bad, sigma * GROW, sigma)
        if not np.isfinite(sigma).all() or (sigma > 1e12).any():
            raise CompileError(
                f"{state.path}: layer '{new.name}' has no integer form: its sums do not fit 16 bits at any scale; use "
                "--precision float32",
                integers.SCALE,
            )
    assert len(b) == len(offset)
    return Fitted(constants, b.astype(np.int32), shift, sigma)


def targets(new: Requantised, state: State) -> tuple[F64, F64]:
    """The mean and the largest magnitude of each channel's real value over the calibration frames."""
    mean, span = np.zeros(new.channels), np.zeros(new.channels)
    for i in range(state.frames):
        x = sum(term.real(state, i) for term in new.sum.terms) + new.sum.offset[:, None, None]
        mean += x.mean((1, 2)) / state.frames
        span = np.maximum(span, np.abs(x).max((1, 2)))
    return mean, span


def largest(gains: F64) -> F64:
    """The largest magnitude of each output channel's gains, [M]."""
    return np.abs(gains).reshape(len(gains), -1).max(1)


def rounded(p: Prepared, shift: int, sigma: F64) -> dict[str, Array]:
    """The gains as bytes, and what else a term has."""
    found: dict[str, Array] = dict(p.fixed)
    for name, gains in p.gains.items():
        factor = (2.0**shift / sigma).reshape(-1, *[1] * (gains.ndim - 1))
        found[name] = np.round(gains * factor).astype(np.int8)
    return found


def means(p: Prepared, constants: Constants) -> F64:
    """The mean of the term's integer value, [M]."""
    total: F64 = sum((constants[n] * m).reshape(len(m), -1).sum(1) for n, m in p.means.items())  # type: ignore[assignment]
    return total


def unfit(new: Requantised, constants: tuple[dict[str, Array], ...], b: F64) -> Array:
    """Which channels' sums, or constants b, do not fit 16 bits for some input."""
    parts = [term.ends(c) for term, c in zip(new.sum.terms, constants, strict=True)]
    low, high = b.copy(), b.copy()
    bad = (b < SUM_LOW) | (b > SUM_HIGH)
    for first, *others in parts:
        low, high = low + first[0], high + first[1]
        for part in others:  # halves that are added saturating
            bad |= (part[0] < SUM_LOW) | (part[1] > SUM_HIGH)
    return bad | (low < SUM_LOW) | (high > SUM_HIGH)
