# SPDX-License-Identifier: Apache-2.0
"""Data sets on disk, in the layouts that the field distributes them in.

    SIRST        images/N.png       masks/N_pixels0.png   idx_427/{trainval,train,val,test}.txt
    NUDT-SIRST   images/N.png       masks/N.png           50_50/{train,test}.txt, img_idx/{train,test}_NUDT-SIRST.txt
    IRSTD-1K     IRSTD1k_Img/N.png  IRSTD1k_Label/N.png   {trainval,test}.txt, img_idx/{train,test}_IRSTD-1K.txt

The folder `images`, `masks` works for any of them. A split is a text file with a name a line, in the folder or in one
below it, called SPLIT.txt or SPLIT_DATASET.txt; where several are, FOLDER/SPLIT says which.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..runtime.resize import resize_bilinear
from .errors import InputError
from .images import mask_png, read_image
from .listing import listed

IMAGE_FOLDERS = ("images", "IRSTD1k_Img")
MASK_FOLDERS = ("masks", "IRSTD1k_Label")
MASK_ENDINGS = ("", "_pixels0", "_mask")
LOSSY = (".jpg", ".jpeg")
SUFFIXES = (".png", ".bmp", *LOSSY, ".tif", ".tiff")
ALL = "all"
"""The split of every image that there is."""
HOLD_OUT_SEED = 0
"""Whatever the seed of a run: runs on a data set that differ in it are validated on the same frames."""

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Frame:
    """An image with its targets."""

    name: str
    image: F32  # [H, W], grey levels 0 to 255
    mask: Mask  # [H, W], True on a target


def read_split(root: Path, split: str, size: tuple[int, int] | None, say: Say) -> list[Frame]:
    """The frames of a split, at `size` (height, width) or, where it is None, at their own.

    Images are resized bilinearly, masks by the nearest pixel. A mask of another size than its image is resized to it,
    which is said. Raises InputError.
    """
    images, masks = find_folder(root, IMAGE_FOLDERS), find_folder(root, MASK_FOLDERS)
    names = split_names(root, images, split)
    frames, repaired = [], []
    for name in names:
        image = read_image(find_file(images, name, ("",), "image"))
        mask = read_mask(find_file(masks, name, MASK_ENDINGS, "mask"))
        if mask.shape != image.shape:
            repaired.append(name)
            mask = resize_mask(mask, *image.shape)
        if size is not None:
            image, mask = resize_bilinear(image, *size), resize_mask(mask, *size)
        frames.append(Frame(name, image, mask))
    if repaired:
        some = ", ".join(repaired[:3]) + (" …" if len(repaired) > 3 else "")
        say(f"{root}: {len(repaired)} masks are not of their image's size and were resized to it: {some}")
    return frames


def write_frames(root: Path, frames: Iterable[Frame]) -> None:
    """Write frames as a data set, images/N.png and masks/N.png, into a folder that is new or empty; its split is `all`.

    Raises InputError, or OSError where it cannot be written; then nothing of it stays.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(f"{root}: is there already; give a new folder")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{root.name}.", dir=root.parent) as name:
            whole = Path(name) / "frames"
            for folder in (IMAGE_FOLDERS[0], MASK_FOLDERS[0]):
                (whole / folder).mkdir(parents=True)
            for frame in frames:
                image = Image.fromarray(np.clip(np.rint(frame.image), 0, 255).astype(np.uint8))
                image.save(whole / IMAGE_FOLDERS[0] / f"{frame.name}.png")
                (whole / MASK_FOLDERS[0] / f"{frame.name}.png").write_bytes(mask_png(frame.mask))
            whole.replace(root)
    except OSError as e:
        raise OSError(f"{root}: cannot be written: {e.strerror}") from e


def find_folder(root: Path, names: tuple[str, ...]) -> Path:
    """The first of `names` in `root`. Raises InputError."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the data set's folder, the one with {names[0]}/ in it")
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise InputError(f"{root}: has no folder {' or '.join(names)}; give the data set's folder")


def split_names(root: Path, images: Path, split: str) -> list[str]:
    """The names of a split's images, in the list's order. Raises InputError."""
    if split == ALL:
        names = sorted(p.stem for p in images.iterdir() if p.suffix.lower() in SUFFIXES)
        if not names:
            raise InputError(f"{images}: has no images")
        refuse_twice(images, names)
        return names
    path = find_list(root, split)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as e:
        raise InputError(f"{path}: not a text file in UTF-8; save it as one") from e
    names = [strip_suffix(line) for line in lines if line]
    if not names:
        raise InputError(f"{path}: the split is empty; give another")
    if paths := [n for n in names if Path(n).name != n]:
        raise InputError(f"{path}: '{paths[0]}' is no name of an image in {images}")
    refuse_twice(path, names)
    return names


def find_list(root: Path, split: str) -> Path:
    """The text file of a split. Raises InputError where none or several are called so."""
    lists = {p.relative_to(root).with_suffix("").as_posix(): p for p in [*root.glob("*.txt"), *root.glob("*/*.txt")]}
    if split in lists:
        return lists[split]
    named = [n for n in lists if Path(n).name == split] or [n for n in lists if Path(n).name.startswith(f"{split}_")]
    if len(named) != 1:
        why = f"several lists are called so, give one of {listed(sorted(named))}" if named else "no such list"
        known = listed(sorted(lists)) or "none"
        raise InputError(f"{root}: split '{split}': {why}; there are {known}, and '{ALL}' is every image")
    return lists[named[0]]


def refuse_twice(where: Path, names: list[str]) -> None:
    """Raise InputError where a name is there more than once: which of two images would it be?"""
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise InputError(f"{where}: has {name} twice; leave one")


def strip_suffix(name: str) -> str:
    """Without an image's suffix; some lists have them."""
    return name.rpartition(".")[0] if name.lower().endswith(SUFFIXES) else name


def find_file(folder: Path, name: str, endings: tuple[str, ...], what: str) -> Path:
    """The image or mask called `name`, whatever its format. Raises InputError."""
    for ending in endings:
        for suffix in SUFFIXES:
            path = folder / f"{name}{ending}{suffix}"
            if path.is_file():
                return path
    tried = " or ".join(f"{name}{ending}.png" for ending in endings)
    raise InputError(f"{folder}: no {what} for '{name}' ({tried}); add it or take it from the split")


def read_mask(path: Path) -> Mask:
    """True on targets: masks are of 0 and 255, or of 0 and 1. Raises InputError."""
    levels = read_image(path)
    top = float(levels.max())
    lossy = path.suffix.lower() in LOSSY  # which is noise around 0 and 255
    if 1 < top <= 127 and not lossy:
        raise InputError(f"{path}: has levels up to {top:g}; save targets as 255 (or 1) and the rest as 0")
    # of 16 bits, a 1 is a level of 1/257
    mask: Mask = levels > (top / 2 if 0 < top <= 1 and not lossy else 127.5)
    return mask


def resize_mask(mask: Mask, height: int, width: int) -> Mask:
    """By the nearest pixel, as the field does."""
    if mask.shape == (height, width):
        return mask
    image = Image.fromarray(mask.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(image) > 0


def hold_out(frames: list[Frame], share: float) -> tuple[list[Frame], list[Frame]]:
    """(the rest, a random `share` of the frames, at least one), each in the order given. Raises InputError."""
    count = max(1, round(share * len(frames)))
    if count >= len(frames):
        raise InputError(f"{len(frames)} frames: none would be left to train on beside {count} to validate on")
    held = set(np.random.default_rng(HOLD_OUT_SEED).permutation(len(frames))[:count].tolist())
    rest = [f for n, f in enumerate(frames) if n not in held]
    return rest, [f for n, f in enumerate(frames) if n in held]
