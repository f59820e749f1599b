# SPDX-License-Identifier: Apache-2.0
"""Image files -> samples and grey levels, masks -> PNG, and probabilities -> npy.

pixels.py says what a file's pixels mean, runtime/levels.py how samples become grey levels.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence, UnidentifiedImageError

from ..runtime.levels import Levels, Samples, grey_levels
from .errors import InputError
from .pixels import samples_of

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp")
"""Endings of images' names, in capitals too; the runner's frames.c has the same."""
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
"""Exceptions that Pillow raises for damaged files."""
_TURNED, _SUBFILE = 274, 254  # tags of TIFF and EXIF


def is_image_name(name: str) -> bool:
    """Whether a folder's file is one of its images: by its suffix, in any case; hidden files are none."""
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings: what they say of damaged files is an error here, or of no account. Not across a yield
    to others, whose own filters it would undo."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file of Pillow's. Raises InputError, also for what is found out later in the context."""
    try:
        with _quiet():
            opened = Image.open(path)
        with opened as image:
            yield image
    except InputError:
        raise
    except FileNotFoundError as e:
        raise InputError(f"{path}: no such file") from e
    except _UNREADABLE as e:
        raise InputError(f"{path}: not an image that can be read ({' '.join(str(e).split())})") from e


def page_count(path: Path) -> int:
    """Number of images that a file has: pages of a TIFF (those of reduced size apart), frames of an animation.

    1 for what cannot be read, which reading it says. A JPEG's further pictures (MPO) are previews of its first.
    """
    try:
        with _quiet(), _opened(path) as image:
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


def read_pages(path: Path, channels: int = 1) -> Iterator[Samples]:
    """The samples of each page of an image file, in their order: grey, or of 3 channels. Raises InputError, at the page
    that is damaged."""
    with _opened(path) as image:
        with _quiet():
            count = sum(1 for _ in _pages(image))
            image.seek(0)
        pages = _pages(image)
        for read in range(count):
            try:
                with _quiet():
                    samples = samples_of(next(pages), path, channels)
            except _UNREADABLE as e:
                if count == 1:
                    raise
                raise InputError(f"{path}: {read} of {count} images could be read ({' '.join(str(e).split())})") from e
            yield samples
        _refuse_rest(image, path)


def read_samples(path: Path, channels: int = 1) -> Samples:
    """The samples of a file's only image, grey or of 3 channels. Raises InputError for several, too."""
    with _quiet(), _opened(path) as image:
        pages = sum(1 for _ in _pages(image))
        if pages > 1:
            raise InputError(f"{path}: has {pages} images, and one is asked for; save the one that is meant")
        image.seek(0)
        samples = samples_of(image, path, channels)
        _refuse_rest(image, path)
        return samples


def read_image(path: Path, levels: Levels | None = None, channels: int = 1) -> npt.NDArray[np.float32]:
    """Grey levels 0..255, float32 [H, W]: colour by ITU-R BT.601 luma, samples scaled by the file's depth or `levels`;
    with `channels` 3 red, green and blue [3, H, W].

    Raises InputError where it is no image, several, or of a format without a scale.
    """
    return to_grey(read_samples(path, channels), levels, str(path))


def to_grey(samples: Samples, levels: Levels | None, name: str) -> npt.NDArray[np.float32]:
    """Levels of samples, of one channel or several. Raises InputError, in the name of the frame."""
    try:
        return grey_levels(samples, levels)
    except ValueError as e:
        raise InputError(f"{name}: {e}") from e


def turned(path: Path) -> int:
    """EXIF's orientation of an image file: 1 where nothing, or nothing that is known, is said. Raises InputError."""
    with _quiet(), _opened(path) as image:
        found = image.getexif().get(_TURNED, 1)
        return found if isinstance(found, int) and 1 <= found <= 8 else 1


def alpha_of(path: Path) -> npt.NDArray[np.uint8] | None:
    """The transparency [H, W] of an image file, None where it has none. Raises InputError."""
    with _quiet(), _opened(path) as image:
        if image.mode not in ("LA", "PA", "RGBA") and "transparency" not in image.info:
            return None
        return np.asarray(image.convert("RGBA"))[..., 3]


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
    """End of the first image of a binary PGM, in bytes; None for other files."""
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


def levels_png(levels: npt.NDArray[np.uint8]) -> bytes:
    """Levels [H, W] or, of red, green and blue, [3, H, W] as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(levels if levels.ndim == 2 else levels.transpose(1, 2, 0)).save(buffer, format="PNG")
    return buffer.getvalue()


def mask_png(mask: npt.NDArray[np.bool_]) -> bytes:
    """A mask [H, W] as PNG, 0 and 255."""
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, format="PNG")
    return buffer.getvalue()
