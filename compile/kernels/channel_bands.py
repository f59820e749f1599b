# SPDX-License-Identifier: Apache-2.0
"""The rows that a call of a kernel whose lanes are channels had best compute, and the inputs that it had best take at
once.

A block's weights are fetched for each band anew, so that few bands are better; what a band reads is read again for each
block, so that it had best stay in the first-level cache beside a block's weights; and longer bands make longer rings.
Where a band that stays near has to be so short that weights are fetched again and again, a share of its inputs may stay
near instead, if sums have a map to wait in: that map is then fetched for each share (channel_shares.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.buffers import Operand
from ..storage.encoding import BLOCK

BANDS = (1, 2, 4, 8)
FETCHED = 1 << 16
"""Bytes of weights that all bands of a map may fetch from the second-level cache: a thousand lines."""
NEAR = 3 << 13
"""Bytes of a band's rows and a block's weights that the first-level cache keeps: three quarters of 32 KB."""
WAY, WAYS = 1 << 14, 2
"""Bytes of one of the first-level cache's ways, and how many it has. A share of what is read is near where one way
would hold it, so that weights and sums, which come and go, have the other."""
AGAIN = 2.5
"""Bytes that are fetched, to which a byte of sums that waits compares: it is fetched, loaded, and stored."""


def suitable_band(operand: Operand, channels: int, channel_bytes: int, height: int) -> int:
    """Rows of a convolution of so many channels, whose weights are so many bytes each, by blocks of 8 channels."""
    return Fetches(operand, channels, channel_bytes, height).band


@dataclass(frozen=True)
class Fetches:
    """The bytes that a convolution fetches into the first-level cache, by blocks of 8 of `channels`, whose weights are
    `channel_bytes` each; `height` rows of it."""

    operand: Operand
    channels: int
    channel_bytes: int
    height: int
    turns: int = 1
    """Turns of its loop over inputs."""
    sums: int | None = None
    """Bytes of the map in which sums may wait; None where there is none."""
    beside: bool = False
    """Whether sums wait for something else that is computed after all shares."""

    @property
    def band(self) -> int:
        """The rows that are best: the fewest with which weights are not fetched again and again; where no band is near
        with as many, those with which least is fetched, in shares or whole."""
        near = [n for n in self.bands if n == 1 or self.near_turns(n) == self.turns]
        few = next((n for n in near if self.weights(n) <= FETCHED), None)
        if few is not None or self.sums is None:
            return few or near[-1]
        return min(self.bands, key=lambda n: self.total(n, self.share(n)))

    @property
    def bands(self) -> list[int]:
        """The bands to choose among."""
        return [n for n in BANDS if n == 1 or n < 2 * self.height]

    def read(self, band: int) -> int:
        """Bytes of the rows that a band reads."""
        op = self.operand
        rows = (band - 1) * abs(op.mul) + (op.count - 1) * op.step + 1
        return rows * op.buffer.row_bytes

    def near_turns(self, band: int) -> int:
        """The turns of a band whose inputs and weights stay near, in shares of about the same size; 0 where those of
        not even one do."""
        turn = self.read(band) + BLOCK * self.channel_bytes
        if turn <= NEAR:
            return self.turns
        most = min(WAY * self.turns // turn, self.apart(band) * self.turns // self.operand.buffer.row_bytes)
        return -(-self.turns // -(-self.turns // most)) if most else 0

    def apart(self, band: int) -> int:
        """The most bytes of each row that a band reads of which no more than the cache has ways share a set of it."""
        op = self.operand
        rows = [first * op.mul + i * op.step for first in range(min(band, self.height)) for i in range(op.count)]
        starts = sorted(row * op.buffer.row_bytes % WAY for row in set(rows))
        if len(starts) <= WAYS:
            return WAY
        return min(b - a for a, b in zip(starts, [*starts[WAYS:], *(s + WAY for s in starts)], strict=False))

    def share(self, band: int) -> int:
        """The turns of a band that are best taken at once: all, or, of what the cache does not hold, as many as stay
        near."""
        turns = self.near_turns(band)
        if self.sums is None or not turns or self.read(band) + BLOCK * self.channel_bytes <= WAYS * WAY:
            return self.turns
        return min(self.turns, turns, key=lambda n: self.total(band, n))

    def total(self, band: int, turns: int) -> float:
        """Bytes that are fetched where so many turns of a band are taken at once: where they do not stay near, what is
        read is for each block, else sums for each share but the first."""
        shares, bands = -(-self.turns // turns), -(-self.height // band)
        again = 1 if turns <= self.near_turns(band) else self.channels // BLOCK
        waits = shares - 1 + (self.beside and shares > 1)
        return self.weights(band) + again * bands * self.read(band) + waits * AGAIN * (self.sums or 0)

    def weights(self, band: int) -> int:
        """Bytes of weights that all bands fetch."""
        return -(-self.height // band) * self.channels * self.channel_bytes


def longest_band(operand: Operand, share: float, height: int) -> int:
    """The most rows whose windows' rows, of each such a share of it, stay near: for kernels of few weights."""
    fetches = Fetches(operand, channels=0, channel_bytes=0, height=height)
    return max((n for n in fetches.bands if fetches.read(n) * share <= NEAR), default=1)
