# SPDX-License-Identifier: Apache-2.0
"""A page of Pillow's -> samples: the allow-list of what a file's pixels mean.

Pillow opens more formats than have a scale, and cuts some to 8 bits: those are read byte by byte, or refused by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..runtime.levels import Samples
from .errors import InputError

_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339  # tags of TIFF
_LUMA = np.array([19595, 38470, 7471], np.int64)
"""ITU-R BT.601's 0.299, 0.587, 0.114 in 1/65536, as Pillow has them."""
# modes of at most 8 bits whose grey Pillow computes
_SHALLOW = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_COLOURED = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
# rawmodes of which Pillow keeps each channel's high byte -> those that keep the low one
_LOW_BYTE = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
}


def samples_of(image: Image.Image, path: Path, channels: int = 1) -> Samples:
    """The allow-list: what a page's pixels mean, [H, W] grey, or with `channels` 3 red, green and blue [3, H, W], which
    of a grey page are the same. Raises InputError for all else."""
    if channels not in (1, 3):
        raise InputError(f"{path}: is an image of 1 or 3 channels, and the model takes {channels}; give raw frames")
    counts, full = _counts_of(image, path) if channels == 1 else _colours_of(image, path)
    white_is_zero = False
    if image.format == "TIFF":
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        white_is_zero = tags.get(_PHOTOMETRIC) == 0
        if white_is_zero and full is None:
            raise InputError(f"{path}: white is zero, and its samples have no scale to turn; save it with 8 or 16 bits")
        if white_is_zero and full is not None and full <= 255:  # which Pillow has turned
            counts = full - counts.astype(np.float64)
    if counts.size == 0:
        raise InputError(f"{path}: has no pixels")
    return Samples(counts, full, white_is_zero)


def _counts_of(image: Any, path: Path) -> tuple[npt.NDArray[Any], float | None]:
    """A page's counts [H, W] and their full scale."""
    mode, raw = image.mode, _rawmode(image)
    if mode == "F":
        return np.asarray(image), None
    if mode == "I" or mode.startswith("I;16"):
        return _deep(image, path)
    if image.format == "PPM" and mode != "L" and mode != "1" and image.tile[0][3] not in (mode, (mode, 255)):
        raise InputError(f"{path}: colour of other than 8 bits; save it as grey, or with 8 bits")
    if image.format == "PPM" and mode == "L":
        top = _maximum(image)
        return np.rint(np.asarray(image) * (top / 255)), float(top)
    if "16" in raw:
        return _deep_colour(image, raw, path), 65535.0
    if mode not in _SHALLOW:
        raise InputError(f"{path}: pixels of Pillow's mode {mode} have no grey level; save it as grey of 8 or 16 bits")
    if mode == "1":
        return np.asarray(image).astype(np.uint8), 1.0
    levels = np.asarray(image.convert("L"))
    for bits, top in ((2, 3), (4, 15)):
        if mode == "L" and raw.startswith(f"L;{bits}"):
            return levels // (255 // top), float(top)
    return levels, 255.0


def _colours_of(image: Any, path: Path) -> tuple[npt.NDArray[Any], float | None]:
    """A page's counts [3, H, W] and their full scale."""
    raw = _rawmode(image)
    if image.mode not in _COLOURED or raw.startswith("LA"):
        grey, full = _counts_of(image, path)
        return np.stack([grey] * 3), full
    _counts_of(image, path)  # refuses what has no scale
    if "16" in raw:
        high, low = (_decoded(path, image, image.mode, r)[..., :3].astype(np.int64) for r in (raw, _LOW_BYTE[raw]))
        return (high << 8 | low).astype(np.uint16).transpose(2, 0, 1), 65535.0
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1), 255.0


def _rawmode(image: Any) -> str:
    """Layout of the pixels in the file, in Pillow's words; empty where it does not say."""
    arguments = image.tile[0][3] if image.tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _maximum(image: Any) -> int:
    """The maximum that a PGM states, which Pillow scales away."""
    arguments = image.tile[0][3]
    if isinstance(arguments, tuple) and len(arguments) > 1 and isinstance(arguments[-1], int) and arguments[-1] > 0:
        return arguments[-1]
    return 65535 if image.mode == "I" else 255


def _deep(image: Image.Image, path: Path) -> tuple[npt.NDArray[Any], float | None]:
    """Grey of more than 8 bits. 32-bit counts up to 65535 are taken as those of 16 bits are."""
    if image.format == "PPM":
        top = _maximum(image)
        return np.rint(np.asarray(image).astype(np.float64) * (top / 65535)), float(top)
    counts = np.asarray(image)
    if image.format != "TIFF":
        return counts, 65535.0
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits = int(tags.get(_BITS, (16,))[0])
    if bits == 32 and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1:
        counts = counts.view(np.uint32)
    if bits > 16 or (counts.dtype.kind == "i" and counts.min() < 0):
        return counts, 65535.0 if counts.min() >= 0 and counts.max() <= 65535 else None
    return counts, float(2**bits - 1)


def _deep_colour(image: Image.Image, raw: str, path: Path) -> npt.NDArray[np.uint16]:
    """Luma of 16 bits a channel in whole counts; Pillow gives one byte of each at a time."""
    if image.format == "PNG" and raw == "LA;16B":  # grey and alpha, high and low bytes
        high, low = (_decoded(path, image, "RGBA", "RGBA")[..., n].astype(np.int64) for n in (0, 1))
        return (high << 8 | low).astype(np.uint16)
    if raw not in _LOW_BYTE or image.format != "PNG":
        raise InputError(f"{path}: colour of 16 bits in a form of which Pillow keeps 8; save it as grey of 16 bits")
    high, low = (_decoded(path, image, image.mode, r)[..., :3].astype(np.int64) for r in (raw, _LOW_BYTE[raw]))
    return ((((high << 8 | low) @ _LUMA) + 32768) >> 16).astype(np.uint16)


def _decoded(path: Path, like: Image.Image, mode: str, raw: str) -> npt.NDArray[np.uint8]:
    """A page's pixels as if the file had them in another rawmode of the same size."""
    with Image.open(path) as image:
        image.seek(like.tell())
        image._mode = mode
        tile: Any = image.tile[0]
        image.tile = [tile._replace(args=raw) if hasattr(tile, "_replace") else (*tile[:3], raw)]
        return np.asarray(image)
