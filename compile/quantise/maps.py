# SPDX-License-Identifier: Apache-2.0
"""Maps of an integer network, and the sums that they are requantised from.

A map holds bytes u; the real value of a channel is sigma*(u + 1/2), its sigma being chosen when calibrating. Who reads
a map applies a slope for each sign: what is stored is the argument of a layer's last two_slope.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .terms import Term

F64 = npt.NDArray[np.float64]


def free_name(name: str, taken: set[str]) -> str:
    """A name, or the first of `name.2`, `name.3`, ... that is not taken."""
    numbered = (f"{name}.{i}" for i in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if n not in taken)


@dataclass(eq=False)
class Map:
    """A map of integers that an ONNX value holds."""

    name: str
    channels: int

    @property
    def bits(self) -> int:
        """Bits of an integer of it."""
        raise NotImplementedError

    @property
    def views(self) -> Iterator[View]:
        """Stored maps that it is computed from."""
        return iter(())


@dataclass(eq=False)
class Requantised(Map):
    """A stored map: the bytes, or 16 bits, that a sum is requantised to."""

    sum: Sum
    width: Literal[8, 16] = 8

    @property
    def bits(self) -> int:
        return self.width

    @property
    def views(self) -> Iterator[View]:
        return self.sum.views


@dataclass(eq=False)
class Moved(Map):
    """Bytes of another map at more or fewer pixels; sigma stays."""

    source: View
    how: Literal["upsample", "extend", "crop"]
    layer: str
    """The float network's node: its size is what an extension or a crop has."""

    @property
    def bits(self) -> int:
        return max(source.bits for source, _, _ in self.source.parts)

    @property
    def views(self) -> Iterator[View]:
        return iter((self.source,))


@dataclass(frozen=True)
class View:
    """Channels of maps, one after the other: parts (map, first channel, last channel + 1)."""

    parts: tuple[tuple[Map, int, int], ...]

    @classmethod
    def of(cls, source: Map) -> View:
        """All of a map."""
        return cls(((source, 0, source.channels),))

    @property
    def channels(self) -> int:
        """Channels of all parts."""
        return sum(stop - start for _, start, stop in self.parts)

    def slice(self, first: int, last: int) -> View:
        """Channels first .. last-1."""
        parts, at = [], 0
        for source, start, stop in self.parts:
            a, b = max(first - at, 0), min(last - at, stop - start)
            if a < b:
                parts.append((source, start + a, start + b))
            at += stop - start
        return View(tuple(parts))

    def __add__(self, other: View) -> View:
        return View(self.parts + other.parts)


@dataclass(frozen=True)
class Sum:
    """Real numbers at every pixel of [C] channels: terms, and an offset [C]."""

    terms: tuple[Term, ...]
    offset: F64

    @property
    def channels(self) -> int:
        """Channels of it."""
        return len(self.offset)

    @property
    def views(self) -> Iterator[View]:
        """Stored maps that it reads."""
        return (view for term in self.terms for view in term.views)

    def scaled(self, scale: F64, shift: F64) -> Sum:
        """scale * it + shift."""
        return Sum(tuple(term.scaled(scale) for term in self.terms), self.offset * scale + shift)

    def plus(self, other: Sum) -> Sum:
        """The sum of both; terms of the same map become one."""
        terms = list(self.terms)
        for term in other.terms:
            at = next((i for i, t in enumerate(terms) if t.joins(term)), None)
            if at is None:
                terms.append(term)
            else:
                terms[at] = terms[at].joined(term)
        return Sum(tuple(terms), self.offset + other.offset)
