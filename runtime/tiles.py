# SPDX-License-Identifier: Apache-2.0
"""Frames of any size, tile by tile, with the result of a model as large as the frame. numpy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]


def tiling(manifest: dict[str, Any]) -> tuple[int, int]:
    """Radius and stride of a model's receptive field. Raises ValueError where its bundle states none."""
    field = manifest.get("receptive_field")
    values = (field.get("radius"), field.get("stride")) if isinstance(field, dict) else (None, None)
    if not all(isinstance(v, int) and v >= 0 for v in values) or not values[1]:
        raise ValueError("this model cannot work in tiles: its bundle states no receptive field")
    return values  # type: ignore[return-value]


def tile_starts(size: int, tile: int, radius: int, stride: int) -> list[int]:
    """Starts of tiles of `tile` pixels along an axis of `size`, all multiples of `stride`; the last may reach past
    the end by less than that, or, where the axis is shorter than a tile, by the rest of it. Raises ValueError where a
    tile's inside is too short."""
    step = (tile - 2 * radius) // stride * stride
    last = max(0, -(-(size - tile) // stride) * stride)
    if last and step <= 0:
        raise ValueError(
            f"tiles of {tile} pixels have no inside, for results depend on {radius} pixels around; "
            f"compile for at least {2 * radius + stride}"
        )
    return [*range(0, last, step or 1), last]


def tiled(run: Callable[[Plane], Plane], image: Plane, tile: tuple[int, int], radius: int, stride: int) -> Plane:
    """`run` (tile [h, w] -> result [h, w], both of any dtype) on a frame [H, W], each pixel from a tile in whose inside
    it is.

    Equal to running the whole frame at once; but where H - h or W - w is no multiple of `stride`, or less than 0, the
    last tile reaches past the frame, whose edge is repeated there, and results within `radius` of that edge differ.
    """
    height, width = image.shape
    rows, columns = (tile_starts(n, t, radius, stride) for n, t in zip(image.shape, tile, strict=True))
    margins = (max(0, rows[-1] + tile[0] - height), max(0, columns[-1] + tile[1] - width))
    padded = np.pad(image, [(0, m) for m in margins], mode="edge")
    result: Plane | None = None
    # from the first on: a tile's inside replaces what of the tile before it was outside of that one's
    for top in rows:
        for left in columns:
            part = run(np.ascontiguousarray(padded[top : top + tile[0], left : left + tile[1]]))
            result = np.empty(image.shape, part.dtype) if result is None else result
            skip_y, skip_x = radius if top else 0, radius if left else 0
            bottom, right = min(top + tile[0], height), min(left + tile[1], width)
            result[top + skip_y : bottom, left + skip_x : right] = part[skip_y : bottom - top, skip_x : right - left]
    assert result is not None  # an axis has one tile at least
    return result
