# SPDX-License-Identifier: Apache-2.0
"""Frames of video files, cameras and streams, as OpenCV decodes them; what ends before its time is an error."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ..compile.errors import CompileError
from ..runtime.levels import Samples

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
ESTIMATED = (".mkv", ".mpeg", ".mpg", ".webm")
"""Those whose number of frames follows from their duration: one of a hundred may be missing, and one more."""
CAMERA = "camera:"
NO_OPENCV = "needs OpenCV: pip install '.[video]' (in a clone)"
GREY_OF_16_BITS = 0x10003159
"""OpenCV's format of frames that FFmpeg calls gray16le."""
_DEVICE = re.compile(r"/dev/video([0-9]{1,3})")


def is_live(source: str) -> bool:
    """Whether it is a camera, by number, device or URL: no file of this machine's."""
    return source.startswith(CAMERA) or _DEVICE.fullmatch(source) is not None or "://" in source


def live_stem(source: str) -> str:
    """Stem of files about a camera's frames: camera0, video0, rtsp-host-8554-path. No password is in it."""
    if source.startswith(CAMERA):
        return source.replace(":", "")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", shown(source).removeprefix("/dev/")).strip("-.")


def shown(source: str) -> str:
    """A source for messages and names: a URL without user, password and query."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def video_frames(source: str, counts: bool, channels: int = 1) -> Iterator[Samples]:
    """The frames of a video or camera; colour becomes grey by ITU-R BT.601 luma, 16-bit grey stays what it is. With
    `channels` 3 they are red, green and blue [3, H, W].

    With `counts` a camera is asked for its sensor's own counts (Y16). Raises CompileError, also at the end where a file
    has fewer frames than it says, or a camera goes away.
    """
    name, live = shown(source), is_live(source)
    if channels not in (1, 3):
        raise CompileError(f"{name}: has frames of 1 or 3 channels, and the model takes {channels}; give raw frames")
    cv2 = _opencv(name)
    video: Any = cv2.VideoCapture(_to_open(source))
    try:
        if not video.isOpened():
            raise CompileError(f"{name}: cannot be opened as a video")
        _keep_depth(cv2, video, counts and live)
        announced = int(max(0, video.get(cv2.CAP_PROP_FRAME_COUNT)))
        number = 0
        while True:
            there, picture = video.read()
            if not there:
                break
            number += 1
            yield Samples.of_array(_in_channels(cv2, picture, channels))
    finally:
        video.release()
    if live and not announced:
        raise CompileError(f"{name}: ended after {number} frames; check the camera, its cable or its network")
    if not number:
        raise CompileError(f"{name}: has no frame that can be decoded")
    spare = 1 + announced // 100 if Path(name).suffix.lower() in ESTIMATED else 0
    if number + spare < announced:
        raise CompileError(f"{name}: {number} of {announced} frames could be read; the rest is damaged or missing")


def _in_channels(cv2: Any, picture: Any, channels: int) -> Any:
    """A frame of OpenCV's, [H, W] or in blue, green and red [H, W, 3], as one is wanted."""
    if channels == 1:
        return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    planes = [picture] * 3 if picture.ndim == 2 else [picture[..., c] for c in (2, 1, 0)]
    return np.stack(planes)


def _opencv(name: str) -> Any:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet: what fails is said here
    try:
        import cv2
    except ImportError as e:
        raise CompileError(f"{name}: {NO_OPENCV}") from e
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def _to_open(source: str) -> str | int:
    """The source as OpenCV takes it: a device is a number there."""
    if device := _DEVICE.fullmatch(source):
        return int(device[1])
    if not source.startswith(CAMERA):
        return source
    number = source.removeprefix(CAMERA)
    if not number.isdecimal() or len(number) > 3:
        raise CompileError(f"{source}: give a camera by its number, for example {CAMERA}0")
    return int(number)


def _keep_depth(cv2: Any, video: Any, ask: bool) -> None:
    """Let OpenCV deliver 16-bit grey as it is, which it otherwise cuts to 8 bits."""
    if ask:
        y16 = cv2.VideoWriter.fourcc(*"Y16 ")
        video.set(cv2.CAP_PROP_FOURCC, y16)
        deep = int(video.get(cv2.CAP_PROP_FOURCC)) == y16
    else:
        deep = int(video.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) == GREY_OF_16_BITS
    if deep:
        video.set(cv2.CAP_PROP_CONVERT_RGB, 0)
