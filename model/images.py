# SPDX-License-Identifier: Apache-2.0
"""Image files -> grey levels, masks -> PNG, and probabilities -> npy."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from .errors import InputError


def read_image(path: Path) -> npt.NDArray[np.float32]:
    """Grey levels 0..255, float32 [H, W]: colour by ITU-R 601 luma, 16 bits divided by 257.

    Raises InputError where it is no image, or its levels are not of 16 bits.
    """
    try:
        with Image.open(path) as image:
            deep = image.mode.startswith("I")
            levels = np.asarray(image if deep else image.convert("L"))
    except FileNotFoundError as e:
        raise InputError(f"{path}: no such file") from e
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
        raise InputError(f"{path}: not an image that can be read ({' '.join(str(e).split())})") from e
    if not deep:
        return levels.astype(np.float32)
    if levels.min() < 0 or levels.max() > 65535:
        raise InputError(f"{path}: has levels from {levels.min()} to {levels.max()}; save it with 8 or 16 bits")
    return levels.astype(np.float32) / np.float32(257)


def npy(array: npt.NDArray[np.float32]) -> bytes:
    """An array as numpy's own file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def mask_png(mask: npt.NDArray[np.bool_]) -> bytes:
    """A mask [H, W] as PNG, 0 and 255."""
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, format="PNG")
    return buffer.getvalue()
