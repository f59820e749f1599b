# SPDX-License-Identifier: Apache-2.0
"""Data sets on disk, in the layouts that the field distributes them in.

    SIRST        images/N.png       masks/N_pixels0.png   idx_427/{trainval,train,val,test}.txt
    NUDT-SIRST   images/N.png       masks/N.png           50_50/{train,test}.txt, img_idx/{train,test}_NUDT-SIRST.txt
    IRSTD-1K     IRSTD1k_Img/N.png  IRSTD1k_Label/N.png   {trainval,test}.txt, img_idx/{train,test}_IRSTD-1K.txt

The folder `images`, `masks` works for any of them, with sub-folders (IRDST: a list's `/44/1(814)`) too. A split is a
text file with a name a line, in the folder or in one below it, called SPLIT.txt or SPLIT_DATASET.txt; where several
are, FOLDER/SPLIT says which.
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

from ..runtime.levels import Levels, Watch
from ..runtime.resize import resize_bilinear
from .errors import InputError
from .images import alpha_of, is_image_name, mask_png, read_samples, to_grey, turned
from .listing import listed

IMAGE_FOLDERS = ("images", "IRSTD1k_Img")
MASK_FOLDERS = ("masks", "IRSTD1k_Label")
MASK_ENDINGS = ("", "_pixels0", "_mask")
LOSSY = (".jpg", ".jpeg", ".webp")
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


def read_split(
    root: Path, split: str, size: tuple[int, int] | None, say: Say, levels: Levels | None = None
) -> list[Frame]:
    """The frames of a split, at `size` (height, width) or, where it is None, at their own.

    Images are resized bilinearly, masks by the nearest pixel. A mask of another size than its image is resized to it,
    which is said, and so is what all images have that looks like another scale. Raises InputError.
    """
    images, masks = (Images.of(find_folder(root, folders)) for folders in (IMAGE_FOLDERS, MASK_FOLDERS))
    names = split_names(root, images, split)
    frames, repaired, watch = [], [], Watch(levels)
    for name in names:
        of_image, of_mask = images.find(name, ("",), "image"), masks.find(name, MASK_ENDINGS, "mask")
        samples, mask = read_samples(of_image), read_mask(of_mask)
        image = to_grey(samples, levels, str(of_image))
        watch.see(samples, image)
        check_fit(of_image, of_mask, (image.shape, mask.shape))
        if mask.shape != image.shape:
            repaired.append(name)
            mask = resize_mask(mask, *image.shape)
        if size is not None:
            image, mask = resize_bilinear(image, *size), resize_mask(mask, *size)
        frames.append(Frame(name, image, mask))
    if repaired:
        some = ", ".join(repaired[:3]) + (" …" if len(repaired) > 3 else "")
        say(f"{root}: {len(repaired)} masks are not of their image's size and were resized to it: {some}")
    if note := watch.note():
        say(f"note: {note}")
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


def split_names(root: Path, images: Images, split: str) -> list[str]:
    """The names of a split's images, in the list's order. Raises InputError."""
    if split == ALL:
        names = sorted(name for name, paths in images.paths.items() for _ in paths)
        if not names:
            raise InputError(f"{images.folder}: has no images")
        refuse_twice(images.folder, names)
        return names
    path = find_list(root, split)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as e:
        raise InputError(f"{path}: not a text file in UTF-8; save it as one") from e
    names = [listed_name(line) for line in lines if line]
    if not names:
        raise InputError(f"{path}: the split is empty; give another")
    if outside := [n for n in names if not n or {"..", "."} & set(n.split("/"))]:
        raise InputError(f"{path}: '{outside[0]}' is no name of an image in {images.folder}")
    refuse_twice(path, names)
    return names


def listed_name(line: str) -> str:
    """A list's line as the image's path below its folder, without the suffix that some lists have: IRDST's
    '/44/1(814)' is '44/1(814)'."""
    name = line.replace("\\", "/").strip("/")
    return name.rpartition(".")[0] if is_image_name(name.rpartition("/")[2]) else name


def find_list(root: Path, split: str) -> Path:
    """The text file of a split. Raises InputError where none or several are called so."""
    named = lists_called(root, split)
    if len(named) != 1:
        why = f"several lists are called so, give one of {listed(sorted(named))}" if named else "no such list"
        known = listed(sorted(all_lists(root))) or "none"
        raise InputError(f"{root}: split '{split}': {why}; there are {known}, and '{ALL}' is every image")
    return next(iter(named.values()))


def lists_called(root: Path, split: str) -> dict[str, Path]:
    """The text files that a split's name may mean."""
    lists = all_lists(root)
    if split in lists:
        return {split: lists[split]}
    names = [n for n in lists if Path(n).name == split] or [n for n in lists if Path(n).name.startswith(f"{split}_")]
    return {name: lists[name] for name in names}


def all_lists(root: Path) -> dict[str, Path]:
    """The text files of a data set, by their paths without the suffix."""
    return {p.relative_to(root).with_suffix("").as_posix(): p for p in [*root.glob("*.txt"), *root.glob("*/*.txt")]}


def refuse_twice(where: Path, names: list[str]) -> None:
    """Raise InputError where a name is there more than once: which of two images would it be?"""
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise InputError(f"{where}: has {name} twice; leave one")


@dataclass(frozen=True)
class Images:
    """A folder's images by their path below it, without the suffix; in sub-folders, too."""

    folder: Path
    paths: dict[str, list[Path]]

    @classmethod
    def of(cls, folder: Path) -> Images:
        """What is an image is said in images.py; hidden folders are left out as hidden files are."""
        paths: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            below = path.relative_to(folder)
            if is_image_name(path.name) and not any(p.startswith(".") for p in below.parts) and path.is_file():
                paths.setdefault(below.with_suffix("").as_posix(), []).append(path)
        return cls(folder, paths)

    def find(self, name: str, endings: tuple[str, ...], what: str) -> Path:
        """The image or mask called `name`; of several formats PNG. Raises InputError."""
        for ending in endings:
            if found := self.paths.get(f"{name}{ending}"):
                return min(found, key=lambda path: path.suffix.lower() != ".png")
        tried = " or ".join(f"{name}{ending}.png" for ending in endings)
        raise InputError(f"{self.folder}: no {what} for '{name}' ({tried}); add it or take it from the split")


def read_mask(path: Path) -> Mask:
    """True on targets: where a mask is above half of its full scale, which is 255, 65535 or, where it has nothing
    above 1, 1. Raises InputError."""
    samples = read_samples(path)
    counts = samples.counts.astype(np.float64)
    low, top = float(counts.min()), float(counts.max())
    alpha = alpha_of(path)
    if alpha is not None and low == top and alpha.min() != alpha.max():
        raise InputError(f"{path}: its transparency has the targets and its levels are all {top:g}; save them as 255")
    full = samples.full or (1.0 if low >= 0 and top <= 1 else 255.0)
    if low < 0 or top > full:
        raise InputError(f"{path}: has levels from {low:g} to {top:g}; save targets as 255 and the rest as 0")
    lossy = path.suffix.lower() in LOSSY  # which is noise around 0 and 255
    if 1 < top <= full / 2 and not lossy:
        raise InputError(f"{path}: has levels up to {top:g}; save targets as {full:g} (or 1) and the rest as 0")
    if 0 < top <= 1 and not lossy:
        full = 1.0
    mask: Mask = (full - counts if samples.white_is_zero else counts) > full / 2
    return mask


def check_fit(image: Path, mask: Path, sizes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """Raise InputError where a mask cannot be of its image: of another aspect ratio, beyond what rounding to whole
    pixels does to it, or of another turn by EXIF."""
    (height, width), (tall, wide) = sizes
    spread = max(height + width, tall + wide)
    fits = abs(tall * width - wide * height) < spread
    lies = abs(tall * height - wide * width) < spread  # on its side
    one, other = turned(image), turned(mask)
    if one != other:
        way = "turn the pixels themselves, or take the tag off both"
        where = f"EXIF's orientation is {one} of {image}, and {other} of the mask"
        if lies and not fits:
            raise InputError(
                f"{mask}: is {tall}x{wide}, on its side beside an image of {height}x{width}: {where}; {way}"
            )
        if fits and (lies or max(one, other) <= 4):
            raise InputError(f"{mask}: may be of the turned image or not: {where}; {way}")
    if not fits:
        raise InputError(
            f"{mask}: is {tall}x{wide}, of another aspect ratio than {image}, {height}x{width}; is it this image's, "
            "and neither turned nor cut?"
        )


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
