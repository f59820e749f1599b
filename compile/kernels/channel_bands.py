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
SHARED = 1 << 14
"""Bytes of a share of them that it keeps beside sums, which come and go: one of its two ways."""
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

    @property
    def band(self) -> int:
        """The rows that are best: the fewest with which weights are not fetched again and again; where no band is near
        with as many, those with which least is fetched."""
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
        most = (NEAR if turn <= NEAR else SHARED) * self.turns // turn
        return -(-self.turns // -(-self.turns // most)) if most else 0

    def share(self, band: int) -> int:
        """The turns of a band that are best taken at once: all, or as many as stay near."""
        turns = self.near_turns(band)
        if not turns or self.sums is None:
            return self.turns
        shared, whole = (self.total(band, n) for n in (turns, self.turns))
        return turns if shared < whole else self.turns

    def total(self, band: int, turns: int) -> float:
        """Bytes that are fetched where so many turns of a band are taken at once: where they do not stay near, what is
        read is for each block, else the sums for each share but the first."""
        shares, bands = -(-self.turns // turns), -(-self.height // band)
        again = 1 if turns <= self.near_turns(band) else self.channels // BLOCK
        return self.weights(band) + again * bands * self.read(band) + (shares - 1) * AGAIN * (self.sums or 0)

    def weights(self, band: int) -> int:
        """Bytes of weights that all bands fetch."""
        return -(-self.height // band) * self.channels * self.channel_bytes
