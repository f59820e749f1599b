# SPDX-License-Identifier: Apache-2.0
"""`--precision int8`: a network in integers, calibrated on frames of the user's or on made-up scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..compile.errors import CompileError
from ..compile.frontend import OnnxModel
from ..compile.frontend.shapes import input_shape, open_sides
from ..compile.quantise import quantise, refuse_integer
from ..compile.recognise import Recognised, recognise
from ..model import NETWORKS
from ..model.datasets import IMAGE_FOLDERS
from ..model.images import IMAGE_SUFFIXES, is_image_name, read_image
from ..model.scenes import scenes
from ..runtime.levels import Levels, whole_levels
from ..runtime.resize import resize_bilinear
from .models import resolve_model, shipped_in_integers
from .said import Said

FRAMES = 8
"""Frames to calibrate on, where nothing else is asked for."""

U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Frames:
    """Frames to calibrate on: `count` of a folder's images, evenly spread over their names, or without a folder so many
    made-up scenes."""

    folder: Path | None = None
    count: int = FRAMES
    levels: Levels | None = None

    def read(self, size: tuple[int, int], say: Callable[[str], None]) -> list[U8]:
        """Grey levels uint8 [H, W], resized to `size` (height, width); where they come from is said. Raises
        CompileError, InputError."""
        if self.folder is None:
            if self.levels is not None:
                raise CompileError("--levels is for images to calibrate on; made-up scenes are grey levels")
            scenes_line = f"calibrated on {self.count} made-up scenes of {size[0]}x{size[1]}"
            say(f"{scenes_line}; give frames of your own camera with --calibrate DIR")
            return [whole_levels(scene.image) for scene in scenes(self.count, *size)]
        paths = self.images()
        frames = [whole_levels(resize_bilinear(read_image(path, self.levels), *size)) for path in paths]
        many = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
        say(f"calibrated on {many} of {self.folder}, resized to {size[0]}x{size[1]}")
        return frames

    def images(self) -> list[Path]:
        """The folder's images, or those of its images/ where it is a data set. Raises CompileError."""
        assert self.folder is not None
        if not self.folder.is_dir():
            raise CompileError(f"{self.folder}: no such folder; give one with images to calibrate on")
        for folder in (self.folder, *(self.folder / name for name in IMAGE_FOLDERS)):
            if folder.is_dir() and (
                found := sorted(p for p in folder.iterdir() if is_image_name(p.name) and p.is_file())
            ):
                return [found[i] for i in evenly_spread(self.count, len(found))]
        raise CompileError(f"{self.folder}: a folder without images ({', '.join(IMAGE_SUFFIXES)})")


def evenly_spread(count: int, of: int) -> list[int]:
    """Up to `count` of the numbers 0 .. of-1, the first and the last among them."""
    return [int(i) for i in np.linspace(0, of - 1, min(count, of)).round()]


def ready_made(name: str | None, frames: Frames | None) -> OnnxModel | None:
    """The integer network that a preset comes with, where one in integers is asked for without frames of the user's."""
    return shipped_in_integers(name) if frames == Frames() else None


def compiled_network(
    name: str | None, frames: Frames | None, size: tuple[int, int] | None, said: Said, say: Callable[[str], None]
) -> Recognised:
    """The network that is compiled where a user says `name`; in integers where there are frames. Raises
    CompileError."""
    shipped = ready_made(name, frames)
    given = said.prepare(shipped or resolve_model(name), say)
    if size is None and name not in (None, *NETWORKS) and (sides := open_sides(given.proto.graph, given.path)):
        _, _, height, width = input_shape(given.proto.graph, None, given.path)
        say(f"note: {given.path} leaves {' and '.join(sides)} open: {height}x{width}, or what --size HxW says")
    found = recognise(given, size, said.sign_of_zero)
    if frames is None or shipped:
        return found
    for line in found.lines():
        say(line)
    return recognise(integer_model(found.model, frames, size, say), size)


def integer_model(
    model: OnnxModel, frames: Frames, size: tuple[int, int] | None, say: Callable[[str], None]
) -> OnnxModel:
    """The integer network of a float one. Frames are read at the model's own size, or where that is symbolic at `size`,
    by default 256x256. Raises CompileError."""
    refuse_integer(model)
    _, channels, height, width = input_shape(model.proto.graph, size, model.path)
    if channels != 1:
        raise CompileError(f"{model.path}: takes frames of {channels} channels; grey ones are calibrated on")
    return quantise(model, frames.read((height, width), say), say)
