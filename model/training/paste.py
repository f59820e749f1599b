# SPDX-License-Identifier: Apache-2.0
"""Targets of some frames added to others: what a target stands out by, put onto a background that it was never before.

    image' = clip(image + gain (cutout - ring) window)

`ring` is the median grey level around the cutout's target, `window` 1 on the target and falling to 0 within MARGIN
pixels. (Copy-paste augmentation: Kisantal et al. 2019, Ghiasi et al. 2021.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..datasets import Frame
from ..metrics import EIGHT

MARGIN = 4
"""Pixels around a target that come with it: its blur, of which no mask has all."""
LARGEST = 48
"""Pixels of a side, beyond which a target is not small."""
GAIN = (0.7, 1.3)
TRIES = 5
"""Places that are looked at for a target."""
VISIBLE = 0.5
"""Share of its contrast that must be left where the background is bright: at 255 nothing stands out."""
MOST = 3
"""Targets that a frame gets."""

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cutout:
    """A target without its background."""

    excess: F32  # [h, w], grey levels above the ring, windowed
    mask: Mask  # [h, w]

    def turned(self, turns: int, mirrored: bool) -> Cutout:
        """The target turned by quarters, after a reflection."""
        excess, mask = (self.excess.T, self.mask.T) if mirrored else (self.excess, self.mask)
        return Cutout(np.rot90(excess, turns), np.rot90(mask, turns))


def cutouts(frames: list[Frame]) -> list[Cutout]:
    """Every target of up to LARGEST pixels a side that lies within its frame, margin and all, and by itself."""
    found = []
    for frame in frames:
        labels, _ = ndimage.label(frame.mask, EIGHT)
        for n, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
            top, bottom = rows.start - MARGIN, rows.stop + MARGIN
            left, right = columns.start - MARGIN, columns.stop + MARGIN
            height, width = frame.mask.shape
            if min(top, left) < 0 or bottom > height or right > width or max(bottom - top, right - left) > LARGEST:
                continue
            own = labels[top:bottom, left:right] == n
            if (frame.mask[top:bottom, left:right] & ~own).any():
                continue
            found.append(cutout(frame.image[top:bottom, left:right], own))
    return found


def cutout(image: F32, mask: Mask) -> Cutout:
    """One target of `image` [h, w], its MARGIN around it."""
    away = ndimage.distance_transform_edt(~mask)
    ring = np.median(image[away > MARGIN / 2])
    window = np.clip(1 - away / MARGIN, 0, 1)
    return Cutout(((image - ring) * window).astype(np.float32), mask)


def paste(image: F32, mask: Mask, targets: list[Cutout], rng: np.random.Generator) -> tuple[F32, Mask]:
    """`image` [H, W] (grey levels) and `mask` [H, W] with up to MOST targets more, clear of those that are there."""
    image, mask = image.copy(), mask.copy()
    for _ in range(int(rng.integers(1, MOST + 1))):
        chosen = targets[int(rng.integers(len(targets)))].turned(int(rng.integers(4)), bool(rng.integers(2)))
        add(image, mask, chosen, rng)
    return image, mask


def add(image: F32, mask: Mask, target: Cutout, rng: np.random.Generator) -> bool:
    """Put one target where it can be seen, in place; False where no such place was found."""
    height, width = target.mask.shape
    if height > image.shape[0] or width > image.shape[1]:
        return False
    gain = rng.uniform(*GAIN)
    contrast = gain * target.excess[target.mask].mean()
    for _ in range(TRIES):
        top = int(rng.integers(image.shape[0] - height + 1))
        left = int(rng.integers(image.shape[1] - width + 1))
        place = np.s_[top : top + height, left : left + width]
        under = image[place]
        if mask[place].any():
            continue
        together = np.clip(under + gain * target.excess, 0, 255)
        # against the brightest around it, not the mean: beside a hot edge nobody would see it
        inside, around = together[target.mask].mean(), np.percentile(under, 75)
        if abs(inside - around) >= VISIBLE * abs(contrast):
            image[place], mask[place] = together, mask[place] | target.mask
            return True
    return False
