# SPDX-License-Identifier: Apache-2.0
"""Sources of frames: images, pages, folders, videos, cameras, raw frames; at their own pace or at a given rate."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..compile.errors import CompileError
from ..model.images import IMAGE_SUFFIXES, is_image_name, page_count, read_pages, to_grey
from ..runtime.levels import Levels, Samples, Watch
from .raw_frames import STDIN, Raw
from .video import VIDEOS, is_live, live_stem, shown, video_frames

F32 = npt.NDArray[np.float32]
T = TypeVar("T")
NUMBERED = re.compile(r"(.*)-\d{6,}", re.DOTALL)
"""The name of a series' frame."""
NOTE_AFTER = 25
"""Frames, of a run that does not end before, after which a scale that looks wrong is said."""


@dataclass(frozen=True)
class Picture:
    """A frame, float32 [H, W] grey levels, or [C, H, W] of several channels; files about it are called by its stem."""

    name: str
    stem: str
    image: F32
    is_exact: bool = False  # whether its samples were floats, which are levels as they are
    stream: int = 0
    """The number of the stream that it is of: a series is one, and so are a folder's images that follow each other."""


@dataclass(frozen=True)
class Reading:
    """Reading of frames: how samples become levels, how raw frames are laid out where the sources are such, and how
    many channels are wanted: 1 of grey frames, 3 of colour, others of raw frames alone."""

    levels: Levels | None = None
    raw: Raw | None = None
    say: Callable[[str], None] = lambda _: None
    channels: int = 1


def find_sources(given: Iterable[str], raw: Raw | None = None) -> list[str]:
    """Image and video files, cameras (`camera:N`, `/dev/videoN`, a URL) and raw frames, folders replaced by their
    images. Raises CompileError."""
    found = []
    for source in given:
        path = Path(source)
        if raw is None and source == STDIN:
            raise CompileError(f"{STDIN}: standard input is raw frames; say how they are laid out with --raw HxW:TYPE")
        if raw is not None or is_live(source) or not path.is_dir():
            found.append(source)
            continue
        images = sorted(str(p) for p in path.iterdir() if is_image_name(p.name) and p.is_file())
        if not images:
            raise CompileError(f"{source}: a folder without images ({', '.join(IMAGE_SUFFIXES)})")
        found += images
    return found


def numbered_otherwise(sources: Sequence[str]) -> tuple[str, str] | None:
    """The first two images of one folder of which the number in the second's name is the smaller: (f10.png, f5.png)."""
    for one, other in itertools.pairwise(sources):
        parts = [(Path(s).parent, re.split(r"(\d+)", Path(s).name)) for s in (one, other)]
        (folder, before), (same, after) = parts
        if folder != same or len(before) != len(after):
            continue
        differs = next(((a, b) for a, b in zip(before, after, strict=True) if a != b), ("", ""))
        if all(map(str.isdecimal, differs)) and int(differs[0]) > int(differs[1]):
            return one, other
    return None


def is_series(source: str, raw: Raw | None = None) -> bool:
    """Whether it may have more than one frame: a video, a camera, an image file of several pages, raw frames."""
    if raw is not None:
        return raw.is_series(source)
    return is_live(source) or is_video(source) or page_count(Path(source)) > 1


def is_video(source: str) -> bool:
    """Whether it is a video file."""
    return Path(source).suffix.lower() in VIDEOS and Path(source).is_file()


def stem_of(source: str) -> str:
    """Stem of files about its frames, but for the number of one of a series."""
    if source == STDIN:
        return "frame"
    return live_stem(source) if is_live(source) else Path(source).stem


def read_frames(sources: Iterable[str], reading: Reading) -> Iterator[Picture]:
    """Each frame of what `find_sources` found; those of a series are called STEM-000001 and so on.

    Says once what all frames had that looks like another scale: at the end, or after NOTE_AFTER frames. Raises
    CompileError, InputError.
    """
    watch, told = Watch(reading.levels), False

    def tell() -> None:
        if note := watch.note():
            reading.say(f"note: {note}")

    try:
        for name, stem, stream, samples in _frames(sources, reading):
            grey = to_grey(samples, reading.levels, name)
            watch.see(samples, grey)
            if watch.frames == NOTE_AFTER:
                told = True
                tell()
            yield Picture(name, stem, grey, reading.levels is None and samples.full is None, stream)
    finally:
        if not told:
            tell()


def _frames(sources: Iterable[str], reading: Reading) -> Iterator[tuple[str, str, int, Samples]]:
    """(name, stem, number of the stream, samples) of each frame."""
    stream, folder = 0, None
    for source in sources:
        stem = stem_of(source)
        series = is_series(source, reading.raw)
        if series or Path(source).parent != folder:
            stream += 1
        folder = None if series else Path(source).parent
        for number, samples in enumerate(_samples_of(source, reading), 1):
            name = f"{stem}-{number:06}" if series else shown(source)
            yield name, name if series else stem, stream, samples


def _samples_of(source: str, reading: Reading) -> Iterator[Samples]:
    if reading.raw is not None:
        return reading.raw.read(source)
    if is_live(source) or is_video(source):
        return video_frames(source, counts=reading.levels is not None, channels=reading.channels)
    return read_pages(Path(source), reading.channels)


@dataclass
class Rate:
    """Frames at a steady rate, as a sensor gives them: one that comes while the one before is worked on is dropped."""

    fps: float
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep
    dropped: int = field(default=0, init=False)

    def __call__(self, frames: Iterable[T]) -> Iterator[T]:
        """Those that are not dropped. A source that delivers later than asked for sets the pace itself."""
        period, came, worked = 1 / self.fps, -math.inf, -math.inf
        for frame in frames:
            now = self.clock()
            comes = came + period
            if comes + period < worked:  # while the one before was worked on, the next one came too
                self.dropped += 1
                came = comes
                continue
            if comes > now:
                self.sleep(comes - now)
            # what is later than that and than the work's end, the source was late by
            came = now if math.isinf(comes) else comes + max(0.0, now - max(comes, worked))
            yield frame
            worked = self.clock()
