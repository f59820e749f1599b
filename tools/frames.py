# SPDX-License-Identifier: Apache-2.0
"""Where frames come from: image files, folders of them, videos, cameras; at their own pace or at a given rate."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..compile.errors import CompileError
from ..model.images import read_image

F32 = npt.NDArray[np.float32]
T = TypeVar("T")
IMAGES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp")
"""What a folder is searched for."""
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
CAMERA = "camera:"
NUMBERED = re.compile(r"(.*)-\d{6,}", re.DOTALL)
"""The name of a series' frame."""
NO_OPENCV = "needs OpenCV: pip install 'biisnet[video]'"


@dataclass(frozen=True)
class Picture:
    """A frame, float32 [H, W] grey levels; files about it are called by its stem."""

    name: str
    stem: str
    image: F32


def find_sources(given: Iterable[str]) -> list[str]:
    """Image files, video files and cameras (`camera:N`), folders replaced by their images. Raises CompileError."""
    found = []
    for source in given:
        path = Path(source)
        if path.is_dir():
            images = sorted(str(p) for p in path.iterdir() if p.suffix.lower() in IMAGES and p.is_file())
            if not images:
                raise CompileError(f"{source}: a folder without images ({', '.join(IMAGES)})")
            found += images
        else:
            found.append(source)
    return found


def is_series(source: str) -> bool:
    """Whether it is a video or a camera."""
    return source.startswith(CAMERA) or (Path(source).suffix.lower() in VIDEOS and Path(source).is_file())


def stem_of(source: str) -> str:
    """What files about its frames are called, but for the number of one of a series."""
    return source.replace(":", "") if source.startswith(CAMERA) else Path(source).stem


def read_frames(sources: Iterable[str]) -> Iterator[Picture]:
    """Each frame of what `find_sources` found; those of videos and cameras are called STEM-000001 and so on.

    Raises CompileError, InputError.
    """
    for source in sources:
        if is_series(source):
            opened = _camera_number(source) if source.startswith(CAMERA) else source
            yield from _video(source, opened, stem_of(source))
        else:
            yield Picture(source, stem_of(source), read_image(Path(source)))


def _camera_number(source: str) -> int:
    number = source.removeprefix(CAMERA)
    if not number.isdecimal() or len(number) > 3:
        raise CompileError(f"{source}: give a camera by its number, for example {CAMERA}0")
    return int(number)


def _video(source: str, opened: str | int, stem: str) -> Iterator[Picture]:
    """Frames as OpenCV decodes them; colour becomes grey by ITU-R BT.601 luma."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet: what fails is said below
    try:
        import cv2
    except ImportError as e:
        raise CompileError(f"{source}: {NO_OPENCV}") from e
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    video: Any = cv2.VideoCapture(opened)
    try:
        if not video.isOpened():
            raise CompileError(f"{source}: cannot be opened as a video")
        number = 0
        while True:
            there, picture = video.read()
            if not there:
                break
            number += 1
            grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            name = f"{stem}-{number:06}"
            yield Picture(name, name, grey.astype(np.float32))
        if not number:
            raise CompileError(f"{source}: has no frame that can be decoded")
    finally:
        video.release()


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
