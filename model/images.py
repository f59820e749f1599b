# SPDX-License-Identifier: Apache-2.0
"""Image files -> samples and grey levels, masks -> PNG, and probabilities -> npy.

What a file's pixels mean is told by an allow-list (`_grey_of`): Pillow opens more formats than have a scale, and cuts
some to 8 bits. runtime/levels.py says how samples become grey levels.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence, UnidentifiedImageError

from ..runtime.levels import Levels, Samples, grey_levels
from .errors import InputError

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp")
"""What an image's name ends with, in capitals too; the runner's frames.c has the same."""
_UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    EOFError,
    KeyError,
    OSError,
    OverflowError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
"""What Pillow raises for damaged files."""
_TURNED, _PHOTOMETRIC, _BITS, _SAMPLE_FORMAT, _SUBFILE = 274, 262, 258, 339, 254  # tags of TIFF and EXIF
_LUMA = np.array([19595, 38470, 7471], np.int64)
"""ITU-R BT.601's 0.299, 0.587, 0.114 in 1/65536, as Pillow has them."""
# modes of at most 8 bits whose grey Pillow computes
_SHALLOW = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
# rawmodes of which Pillow keeps each channel's high byte -> those that keep the low one
_LOW_BYTE = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
}


def is_image_name(name: str) -> bool:
    """Whether a folder's file is one of its images: by its suffix, in any case; hidden files are none."""
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file of Pillow's. Raises InputError, also for what is found out later in the context."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says of damaged files is an error below, or of no account
            with Image.open(path) as image:
                yield image
    except InputError:
        raise
    except FileNotFoundError as e:
        raise InputError(f"{path}: no such file") from e
    except _UNREADABLE as e:
        raise InputError(f"{path}: not an image that can be read ({' '.join(str(e).split())})") from e


def page_count(path: Path) -> int:
    """How many images a file has: pages of a TIFF (those of reduced size apart), frames of an animation.

    1 for what cannot be read, which reading it says. A JPEG's further pictures (MPO) are previews of its first.
    """
    try:
        with _opened(path) as image:
            return sum(1 for _ in _pages(image))
    except InputError:
        return 1


def _pages(image: Image.Image) -> Iterator[Image.Image]:
    """The pages of an open file, each good until the next one is asked for."""
    if image.format == "MPO" or getattr(image, "n_frames", 1) == 1:
        yield image
        return
    if image.format == "TIFF":
        for page in ImageSequence.Iterator(image):
            if not page.tag_v2.get(_SUBFILE, 0) & 1:
                yield page
        return
    yield from ImageSequence.Iterator(image)


def read_pages(path: Path) -> Iterator[Samples]:
    """The samples of each page of an image file, in their order. Raises InputError, at the page that is damaged."""
    with _opened(path) as image:
        count = sum(1 for _ in _pages(image))
        image.seek(0)
        read = 0
        try:
            for page in _pages(image):
                yield _samples(page, path)
                read += 1
        except _UNREADABLE as e:
            if count == 1:
                raise
            raise InputError(f"{path}: {read} of {count} images could be read ({' '.join(str(e).split())})") from e
        _refuse_rest(image, path)


def read_samples(path: Path) -> Samples:
    """The samples of a file's only image. Raises InputError for several, too."""
    with _opened(path) as image:
        pages = sum(1 for _ in _pages(image))
        if pages > 1:
            raise InputError(f"{path}: has {pages} images, and one is asked for; save the one that is meant")
        image.seek(0)
        samples = _samples(image, path)
        _refuse_rest(image, path)
        return samples


def read_image(path: Path, levels: Levels | None = None) -> npt.NDArray[np.float32]:
    """Grey levels 0..255, float32 [H, W]: colour by ITU-R BT.601 luma, samples scaled by the file's depth or `levels`.

    Raises InputError where it is no image, several, or of a format without a scale.
    """
    return to_grey(read_samples(path), levels, str(path))


def to_grey(samples: Samples, levels: Levels | None, name: str) -> npt.NDArray[np.float32]:
    """Grey levels of samples. Raises InputError, in the name of the frame."""
    try:
        return grey_levels(samples, levels)
    except ValueError as e:
        raise InputError(f"{name}: {e}") from e


def turned(path: Path) -> int:
    """EXIF's orientation of an image file: 1 where nothing, or nothing that is known, is said. Raises InputError."""
    with _opened(path) as image:
        found = image.getexif().get(_TURNED, 1)
        return found if isinstance(found, int) and 1 <= found <= 8 else 1


def alpha_of(path: Path) -> npt.NDArray[np.uint8] | None:
    """The transparency [H, W] of an image file, None where it has none. Raises InputError."""
    with _opened(path) as image:
        if image.mode not in ("LA", "PA", "RGBA") and "transparency" not in image.info:
            return None
        return np.asarray(image.convert("RGBA"))[..., 3]


def _samples(image: Image.Image, path: Path) -> Samples:
    """The allow-list: what a page's pixels mean. Raises InputError for all else."""
    counts, full = _counts_of(image, path)
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


def _rawmode(image: Any) -> str:
    """How the file has the pixels, in Pillow's words; empty where it does not say."""
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


def _refuse_rest(image: Image.Image, path: Path) -> None:
    """Raise InputError for a second image behind a PGM's first, of which Pillow says nothing."""
    if image.format != "PPM":
        return
    with path.open("rb") as file:
        data = file.read()
    end = pnm_end(data)
    if end is not None and data[end:].lstrip()[:1] == b"P":
        raise InputError(f"{path}: has more than one image; split it, one a file")


def pnm_end(data: bytes) -> int | None:
    """Where the first image of a binary PGM ends; None for other files."""
    if data[:2] != b"P5":
        return None
    numbers: list[int] = []
    at = 2
    while len(numbers) < 3:
        while data[at : at + 1].isspace() or data[at : at + 1] == b"#":
            at = (data.find(b"\n", at) + 1 or len(data)) if data[at : at + 1] == b"#" else at + 1
        begin = at
        while data[at : at + 1].isdigit():
            at += 1
        if at == begin:
            return None
        numbers.append(int(data[begin:at]))
    width, height, top = numbers
    return at + 1 + width * height * (2 if top > 255 else 1)


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
