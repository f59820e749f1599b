# SPDX-License-Identifier: Apache-2.0
"""Random crops of a frame, each determined by (seed, epoch, index) alone, so that a resumed run sees the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from ..metrics import EIGHT
from .recipe import Recipe

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""
SMALL = 9
"""Pixels of a target, up to which resampling may lose it."""
SEEN = 0.2
"""Share of a new pixel that a target must cover to be in the window: a pixel's fourth, shrunk a little."""


def crop(
    image: F32,
    mask: Mask,
    recipe: Recipe,
    size: int,
    epoch: int,
    index: int,
    around: tuple[int, int] | None = None,
) -> tuple[F32, F32]:
    """A size x size view of `image` [H, W] (grey levels) and `mask` [H, W]: float32 [size, size], the mask 0 or 1.

    The window is size / scale pixels wide, cut off where the frame is smaller; it has the pixel `around` (row, column)
    in it, if there is one.
    """
    rng = np.random.default_rng([recipe.seed, epoch, index])
    height, width = image.shape
    scale = np.exp(rng.uniform(*np.log(recipe.scale)))
    window = min(size / scale, height, width)
    top, left = (
        place(mask, window, rng, recipe.near_target) if around is None else window_around(around, mask, window, rng)
    )
    box = (left, top, left + window, top + window)
    pixels = resample(image, box, size)
    target = resample_mask(mask, box, size)
    mean = pixels.mean()
    gain = 1 + rng.uniform(-recipe.contrast, recipe.contrast)
    pixels = (pixels - mean) * gain + mean + rng.uniform(-recipe.brightness, recipe.brightness)
    views = [np.clip(pixels, 0, 255).astype(np.float32), target.astype(np.float32)]
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    views = [np.rot90(v.T if mirrored else v, turns) for v in views]
    return np.ascontiguousarray(views[0]), np.ascontiguousarray(views[1])


def place(mask: Mask, window: float, rng: np.random.Generator, near_target: float) -> tuple[float, float]:
    """Top and left of a window, anywhere in the frame, or anywhere around a random target pixel."""
    corner = rng.uniform(0, 1, 2) * (np.array(mask.shape) - window)
    pixels = np.argwhere(mask)
    if len(pixels) and rng.uniform() < near_target:
        return window_around(pixels[rng.integers(len(pixels))], mask, window, rng)
    return float(corner[0]), float(corner[1])


def window_around(pixel: npt.ArrayLike, mask: Mask, window: float, rng: np.random.Generator) -> tuple[float, float]:
    """Top and left of a window that has `pixel` (row, column) anywhere in it, and lies within the frame."""
    corner = np.asarray(pixel) - rng.uniform(0.1, 0.9, 2) * window
    top, left = np.clip(corner, 0, np.array(mask.shape) - window)
    return float(top), float(left)


def resample_mask(mask: Mask, box: Box, size: int) -> Mask:
    """`box` of a mask at size x size: where targets cover half a pixel; of each, however small, a pixel at least."""
    target: Mask = resample(mask.astype(np.float32), box, size) >= 0.5
    labels, count = ndimage.label(mask, EIGHT)
    for n in (np.flatnonzero(np.bincount(labels.ravel(), minlength=2)[1:] <= SMALL) + 1)[:count]:
        own = resample((labels == n).astype(np.float32), box, size)
        if own.max() >= SEEN and not target[own > 0].any():
            target.flat[own.argmax()] = True
    return target


def resample(plane: F32, box: Box, size: int) -> F32:
    """`box` of a plane, bilinearly at size x size; where it shrinks, over the area of each new pixel (Pillow's)."""
    resized = Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized, np.float32)
