# SPDX-License-Identifier: Apache-2.0
"""Constants of an IntegerDot: its weights packed, and the tables that its counts start from.

A chunk's sum of n bits is to become n - terms/2, over the taps that are not padded. A padded tap counts its weights
that are -1; so the start is (-terms + sum of the weights under padded taps) / 2, terms and weights those of the whole
chunk. Of all chunks together that is a whole number, of one alone it may end in a half: then it is rounded down, and
what is short of it goes to the next chunk. Twins (packed_weights.py) take twice the sum of the chunks, each rounded
down, and are given what is short of all of them afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ir.buffers import Buffer
from ..ir.window import Window
from ..storage.encoding import BLOCK
from .border_table import BorderTable, in_strips, place_table
from .packed_weights import copies_of, is_twin, packed
from .table_count import pair_tables

CHUNK = 31
"""Bytes of counts up to 8 that a sum of int8 holds around its middle."""


@dataclass(frozen=True, eq=False)
class DotConstants:
    """Those of `signs` [channels, c, kh, kw], the bits of weights (True is +1), over a map of `stored_planes` planes a
    group, which is read `tile` times."""

    signs: npt.NDArray[np.bool_]
    window: Window
    buffer: Buffer
    tile: int
    stored_planes: int

    @property
    def is_twin(self) -> bool:
        """Whether each stored bit counts for two channels at once."""
        return is_twin(self.tile, self.buffer.channels)

    @property
    def planes(self) -> int:
        """Planes that are counted for one output."""
        return self.stored_planes if self.is_twin else self.stored_planes * self.tile

    def chunks(self) -> list[tuple[range, list[tuple[int, int]]]]:
        """The taps as (planes, places in the window), chunks of about the same size."""
        places = list(np.ndindex(*self.window.kernel))
        most = max(CHUNK // len(places), 1)
        count = -(-self.planes // most)
        size = -(-self.planes // count)
        return [
            (range(plane, min(plane + size, self.planes)), places[n : n + CHUNK])
            for plane in range(0, self.planes, size)
            for n in range(0, len(places), CHUNK)
        ]

    def copies(self) -> npt.NDArray[np.bool_]:
        """The weights by the copy of the map that they are of, [channels, tile, planes of 8, kh, kw, 8] as bits that
        are set where a weight is -1, and clear where there is no channel."""
        return copies_of(~self.signs, self.tile)

    def packed_weights(self) -> npt.NDArray[np.uint8]:
        """[channels, planes, kh, kw], or twins' [channels, planes, kh, kw, 2] (packed_weights.py)."""
        return packed(self.copies(), self.is_twin)

    def packed_tables(self) -> npt.NDArray[np.int16]:
        """`pair_tables` of the weights."""
        w = self.copies()
        joined = w[:, 0] if self.is_twin else w.reshape(len(w), -1, *w.shape[3:])
        return pair_tables(joined, w[:, 0] == w[:, 1] if self.is_twin else np.ones_like(joined))

    def tap_weights(self) -> npt.NDArray[np.int64]:
        """[channels, planes, kh, kw]: of each plane the sum of the weights, of twins over those that are equal."""
        m, _, kh, kw = self.signs.shape
        per = self.signs.shape[1] // self.tile
        w = np.zeros((m, self.tile, self.stored_planes * BLOCK, kh, kw), np.int64)
        w[:, :, :per] = np.where(self.signs, 1, -1).reshape(m, self.tile, per, kh, kw)
        if self.is_twin:
            w = np.where(w[:, :1] == w[:, 1:], w[:, :1], 0)
        return np.asarray(w.reshape(m, -1, BLOCK, kh, kw).sum(2))

    def tap_terms(self) -> npt.NDArray[np.int64]:
        """[channels, planes, kh, kw]: of each plane the channels that are counted."""
        m, c, kh, kw = self.signs.shape
        per = c // self.tile
        if self.is_twin:
            w = self.copies()
            return np.asarray((w[:, 0] == w[:, 1]).sum(-1))
        of_plane = np.minimum(per - np.arange(self.stored_planes) * BLOCK, BLOCK)
        return np.broadcast_to(np.tile(of_plane, self.tile)[None, :, None, None], (m, self.planes, kh, kw)).copy()

    def starts(self, size: tuple[int, int], lanes: int) -> tuple[list[BorderTable], BorderTable | None]:
        """The tables that the chunks' sums start from, and of twins what twice their sum is short of, for results of
        `size` in vectors of `lanes`."""
        weights, terms = self.tap_weights(), self.tap_terms()
        doubled = []
        for planes, places in self.chunks():
            here = np.zeros(self.window.kernel, bool)
            here[tuple(zip(*places, strict=True))] = True
            of = slice(planes.start, planes.stop)
            found = place_table((weights[:, of] * here).sum(1), self.window, self.buffer, size, lanes)
            doubled.append(found.values - (terms[:, of] * here).sum((1, 2, 3))[:, None])
        if self.is_twin:
            *halves, odd = in_strips([*(v // 2 for v in doubled), np.sum([v % 2 for v in doubled], axis=0)], found)
            return halves, odd
        return in_strips(list(np.diff(np.cumsum(doubled, axis=0) // 2, axis=0, prepend=0)), found), None
