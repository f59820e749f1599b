# SPDX-License-Identifier: Apache-2.0
"""The README's picture of detections."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.detections import FRAMES, GAP, draw, main
from biisnet.model.overlay import HIT, ZOOM
from biisnet.runtime import load

ROOT = Path(__file__).parents[2]
Shape = tuple[int, int]


def size(height: int, width: int, count: int) -> Shape:
    """Width and height of a picture of so many frames."""
    return ZOOM * width * count + GAP * (count - 1), ZOOM * height


def near(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    """How many pixels have a colour, but for what a palette rounds."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return int((np.abs(pixels - colour).max(-1) < 40).sum())


@pytest.mark.parametrize("count", [1, 3])
def test_each_frame_once(count: int, tiny_bundle: Callable[[str], Path]) -> None:
    with load(tiny_bundle("host")) as model:
        data = draw(model, count)
        assert data == draw(model, count)
    assert Image.open(io.BytesIO(data)).size == size(24, 20, count)


def test_the_command_writes_it(
    tiny_bundle: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["detections", str(tiny_bundle("host")), str(tmp_path / "a.png")])
    main()
    assert Image.open(tmp_path / "a.png").size == size(24, 20, FRAMES)


def test_the_one_in_the_documents_has_detections() -> None:
    picture = Image.open(ROOT / "docs" / "detections.png")
    assert picture.size == size(256, 256, FRAMES)
    assert near(picture, HIT) > 100
