# SPDX-License-Identifier: Apache-2.0
"""Frames to calibrate on: a folder's, evenly spread, or made-up ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.compile.errors import CompileError
from biisnet.runtime.levels import Levels
from biisnet.tools.integer import FRAMES, Frames


def write(folder: Path, count: int) -> Path:
    """Images of one grey level each, 10, 20, 30, ..."""
    folder.mkdir(parents=True)
    for i in range(count):
        Image.fromarray(np.full((6, 5 + i), 10 * (i + 1), np.uint8)).save(folder / f"{i}.png")
    (folder / "readme.txt").write_text("no image")
    return folder


def levels(frames: list[np.ndarray]) -> list[int]:
    assert all(f.dtype == np.uint8 and f.shape == (4, 8) for f in frames)
    return [int(f[0, 0]) for f in frames]


def test_spread_over_a_folder(tmp_path: Path) -> None:
    said: list[str] = []
    folder = write(tmp_path / "frames", 9)
    assert levels(Frames(folder, 3).read((4, 8), said.append)) == [10, 50, 90]
    assert levels(Frames(folder, 1).read((4, 8), said.append)) == [10]
    assert len(Frames(folder, 100).read((4, 8), said.append)) == 9
    assert said[0] == f"calibrated on 3 frames of {folder}, resized to 4x8"
    assert said[2].startswith("calibrated on 9 frames")


def test_of_a_data_set(tmp_path: Path) -> None:
    """Its images/, not its masks/."""
    write(tmp_path / "data" / "images", 2)
    write(tmp_path / "data" / "masks", 5)
    assert levels(Frames(tmp_path / "data").read((4, 8), lambda _: None)) == [10, 20]


def test_levels_of_images(tmp_path: Path) -> None:
    folder = write(tmp_path / "frames", 2)
    assert levels(Frames(folder, 2, Levels.parse("0:20")).read((4, 8), lambda _: None)) == [128, 255]


def test_made_up_scenes() -> None:
    """Where nothing is given; the same each time; said, with the way to better ones."""
    said: list[str] = []
    frames = Frames().read((16, 24), said.append)
    assert len(frames) == FRAMES
    assert len({f.tobytes() for f in frames}) == FRAMES
    assert all((a == b).all() for a, b in zip(frames, Frames().read((16, 24), said.append), strict=True))
    assert said[0] == "calibrated on 8 made-up scenes of 16x24; give frames of your own camera with --calibrate DIR"


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, message in (("nosuch", "no such folder"), ("empty", "a folder without images")):
        with pytest.raises(CompileError, match=message):
            Frames(tmp_path / folder).read((4, 8), lambda _: None)
    with pytest.raises(CompileError, match="--levels is for images"):
        Frames(None, 2, Levels.parse("0:20")).read((4, 8), lambda _: None)
