# SPDX-License-Identifier: Apache-2.0
"""Tiles: every pixel once, from the inside of its tile; and equal to the frame as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.runtime.tiles import tile_starts, tiled, tiling

RADIUS, STRIDE = 3, 2


def field(image: np.ndarray) -> np.ndarray:
    """Depends on exactly RADIUS pixels around, differently at odd ones, with zeros past the border."""
    padded = np.pad(image, RADIUS)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * RADIUS + 1, 2 * RADIUS + 1))
    weights = np.random.default_rng(0).integers(1, 9, (2, 2, 2 * RADIUS + 1, 2 * RADIUS + 1))
    phase = weights[np.arange(image.shape[0])[:, None] % STRIDE, np.arange(image.shape[1]) % STRIDE]
    return (windows * phase).sum((2, 3)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(st.integers(10, 60), st.integers(10, 60), st.integers(8, 24), st.integers(8, 24))
def test_tiles_are_the_whole(height: int, width: int, tile_height: int, tile_width: int) -> None:
    image = np.random.default_rng(1).integers(0, 256, (height, width)).astype(np.float32)
    tile = (min(tile_height, height), min(tile_width, width))
    asked: list[tuple[int, ...]] = []

    def run(part: np.ndarray) -> np.ndarray:
        asked.append(part.shape)
        return field(part)

    found = tiled(run, image, tile, RADIUS, STRIDE)
    expected = field(image)
    bottom, right = (RADIUS * ((n - t) % STRIDE > 0) for n, t in zip(image.shape, tile, strict=True))
    inside = np.s_[: height - bottom, : width - right]
    np.testing.assert_array_equal(found[inside], expected[inside])
    assert set(asked) == {tile}


def test_starts() -> None:
    assert tile_starts(256, 256, 35, 4) == [0]
    assert tile_starts(600, 256, 35, 4) == [0, 184, 344]
    assert tile_starts(257, 256, 35, 4) == [0, 4]
    with pytest.raises(ValueError, match="a frame of 255 pixels is less than a tile of 256"):
        tile_starts(255, 256, 35, 4)
    with pytest.raises(ValueError, match="compile for at least 74"):
        tile_starts(100, 72, 35, 4)
    assert tile_starts(72, 72, 35, 4) == [0]  # one tile needs none


BAD = [
    None,
    {},
    {"radius": 1},
    {"radius": -1, "stride": 4},
    {"radius": 1, "stride": 0},
    {"radius": 1.5, "stride": 4},
    3,
]


@pytest.mark.parametrize("field", BAD)
def test_a_manifest_without_one(field: Any) -> None:
    with pytest.raises(ValueError, match="cannot work in tiles"):
        tiling({"receptive_field": field})
