"""Image files -> grey levels, and masks -> PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from .errors import CompileError


def read_image(path: Path) -> npt.NDArray[np.float32]:
    """Grey levels 0..255, float32 [H, W]: colour by ITU-R 601 luma, 16 bits divided by 257.

    Raises CompileError where it is no image.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):
                return np.asarray(image).astype(np.float32) / np.float32(257)
            return np.asarray(image.convert("L")).astype(np.float32)
    except FileNotFoundError as e:
        raise CompileError(f"{path}: no such file") from e
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
        raise CompileError(f"{path}: not an image that can be read ({' '.join(str(e).split())})") from e


def mask_png(mask: npt.NDArray[np.bool_]) -> bytes:
    """A mask [H, W] as PNG, 0 and 255."""
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, format="PNG")
    return buffer.getvalue()
