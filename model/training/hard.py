# SPDX-License-Identifier: Apache-2.0
"""Hard negatives: where the network finds what is no target. Crops around them are seen more often.

(Shrivastava et al. 2016 choose them a batch; here they are looked for in all frames, every few epochs.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from torch import nn

from ..datasets import Frame
from ..metrics import EIGHT
from ..predict import predict

DOUBT = 0.2
"""Probability from which a pixel counts: what is nearly found in one epoch is found in the next."""
CLEAR = 3
"""Pixels from a target in each direction: a detection that has any nearer than that is the target's own. (Pd asks for
the distance of centroids; but the edge of a target is no clutter.)"""
A_FRAME = 8
"""At most: one frame of clutter must not have all the crops."""

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
"""[K, 3]: a frame's number, row, column."""


def no_places() -> Places:
    """No places: none were looked for yet."""
    return np.zeros((0, 3), np.int64)


def mine(network: nn.Module, frames: list[Frame]) -> Places:
    """The false alarms of a network in all frames, the surest first in each."""
    found = [
        [n, *place] for n, frame in enumerate(frames) for place in alarms(predict(network, frame.image), frame.mask)
    ]
    return np.array(found, np.int64).reshape(-1, 3)


def alarms(probability: F32, mask: Mask) -> list[tuple[int, int]]:
    """Row and column of the surest pixel of each detection that is no target's, at most A_FRAME."""
    near = ndimage.binary_dilation(mask, EIGHT, CLEAR) if mask.any() else mask
    labels, count = ndimage.label(probability > DOUBT, EIGHT)
    own = set(np.unique(labels[near]).tolist())
    false = [n for n in range(1, count + 1) if n not in own]
    peaks = ndimage.maximum_position(probability, labels, false) if false else []
    peaks = sorted(peaks, key=lambda place: -probability[place])
    return [(int(y), int(x)) for y, x in peaks[:A_FRAME]]
