# SPDX-License-Identifier: Apache-2.0
"""Frames larger than a model, tile by tile, with the result of a model as large as the frame. numpy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


def tiling(manifest: dict[str, Any]) -> tuple[int, int]:
    """Radius and stride of a model's receptive field. Raises ValueError where its bundle states none."""
    field = manifest.get("receptive_field")
    values = (field.get("radius"), field.get("stride")) if isinstance(field, dict) else (None, None)
    if not all(isinstance(v, int) and v >= 0 for v in values) or not values[1]:
        raise ValueError("this model cannot work in tiles: its bundle states no receptive field")
    return values  # type: ignore[return-value]


def tile_starts(size: int, tile: int, radius: int, stride: int) -> list[int]:
    """Where tiles of `tile` pixels begin along an axis of `size`, all multiples of `stride`; the last may reach past
    the end by less than that. Raises ValueError where the axis, or a tile's inside, is too short."""
    if size < tile:
        raise ValueError(f"a frame of {size} pixels is less than a tile of {tile}; compile for a smaller size")
    step = (tile - 2 * radius) // stride * stride
    last = -(-(size - tile) // stride) * stride
    if last and step <= 0:
        raise ValueError(
            f"tiles of {tile} pixels have no inside, for results depend on {radius} pixels around; "
            f"compile for at least {2 * radius + stride}"
        )
    return [*range(0, last, step or 1), last]


def tiled(run: Callable[[F32], F32], image: F32, tile: tuple[int, int], radius: int, stride: int) -> F32:
    """`run` (tile [h, w] -> result [h, w]) on a frame [H, W], each pixel from a tile in whose inside it is.

    Equal to running the whole frame at once; but where H - h or W - w is no multiple of `stride`, the last tile reaches
    past the frame, whose edge is repeated there, and results within `radius` of that edge differ.
    """
    height, width = image.shape
    rows, columns = (tile_starts(n, t, radius, stride) for n, t in zip(image.shape, tile, strict=True))
    margins = (max(0, rows[-1] + tile[0] - height), max(0, columns[-1] + tile[1] - width))
    padded = np.pad(image, [(0, m) for m in margins], mode="edge")
    result = np.empty(image.shape, np.float32)
    # from the first on: a tile's inside replaces what of the tile before it was outside of that one's
    for top in rows:
        for left in columns:
            part = run(np.ascontiguousarray(padded[top : top + tile[0], left : left + tile[1]]))
            skip_y, skip_x = radius if top else 0, radius if left else 0
            bottom, right = min(top + tile[0], height), min(left + tile[1], width)
            result[top + skip_y : bottom, left + skip_x : right] = part[skip_y : bottom - top, skip_x : right - left]
    return result
