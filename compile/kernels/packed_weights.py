# SPDX-License-Identifier: Apache-2.0
"""Weights of a binary convolution as bytes of 8 channels, also over a map that is read several times.

*Twins*: where a map is read twice (`tile` 2: its channel c is also channel c + C/2, with the same sign), both weights
of a bit count where they are equal, and one of them where they differ, whatever the bit is:
popcount(a XOR w1) + popcount(a XOR w2) = 2*popcount((a XOR w1) AND NOT (w1 XOR w2)) + popcount(w1 XOR w2). That is
`eor, and, cnt, add` for 256 multiply-adds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..storage.encoding import BLOCK


def is_twin(tile: int, channels: int) -> bool:
    """Whether each stored bit of a map of so many channels, which is read `tile` times, counts for two at once."""
    return tile == 2 and channels % BLOCK == 0


def copies_of(bits: npt.NDArray[np.bool_], tile: int) -> npt.NDArray[np.bool_]:
    """Bits [channels, c, kh, kw] by the copy of the map that they are of: [channels, tile, planes of 8, kh, kw, 8],
    clear where there is no channel."""
    m, c, kh, kw = bits.shape
    per = c // tile
    planes = -(-per // BLOCK)
    padded = np.zeros((m, tile, planes * BLOCK, kh, kw), bool)
    padded[:, :, :per] = bits.reshape(m, tile, per, kh, kw)
    return padded.reshape(m, tile, planes, BLOCK, kh, kw).transpose(0, 1, 2, 4, 5, 3)


def packed(copies: npt.NDArray[np.bool_], twins: bool) -> npt.NDArray[np.uint8]:
    """[channels, planes, kh, kw], bit i of plane j channel 8j+i of a copy, copy after copy; or twins' [channels,
    planes, kh, kw, 2]: the first copy's weights, and where the second's are equal."""
    w = copies
    w = np.stack([w[:, 0], w[:, 0] == w[:, 1]], axis=4) if twins else w.reshape(len(w), -1, *w.shape[3:])
    return np.packbits(w, axis=-1, bitorder="little")[..., 0]
