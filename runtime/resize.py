# SPDX-License-Identifier: Apache-2.0
"""Bilinear resampling, equal bit for bit to the device runner's resize.c."""

from typing import Any

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
_Axis = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Plane]


def _taps(size_in: int, size_out: int) -> _Axis:
    """The two neighbours of each output position, x = (i + 0.5)·in/out - 0.5, and the second one's weight."""
    at = (np.arange(size_out, dtype=np.float64) + 0.5) * size_in / size_out - 0.5
    below = np.floor(at)
    low = np.clip(below.astype(np.intp), 0, size_in - 1)
    high = np.clip(below.astype(np.intp) + 1, 0, size_in - 1)
    return low, high, (at - below).astype(np.float32)


def _mix(a: Any, b: Any, weight: Any) -> Any:
    return a * (np.float32(1) - weight) + b * weight


def resize_values(values: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    """[H, W] of any dtype -> [height, width] of the same: integers are rounded to the nearest, halves to the even one.

    The same array when the size is that already.
    """
    if values.shape == (height, width) or values.dtype == np.float32:
        return resize_bilinear(values, height, width)
    result: npt.NDArray[Any] = np.rint(resize_bilinear(values.astype(np.float32), height, width)).astype(values.dtype)
    return result


def resize_bilinear(image: Plane, height: int, width: int) -> Plane:
    """float32 [H, W] -> float32 [height, width]: half-pixel centres, the edge repeated, no antialiasing.

    The same array when the size is that already.
    """
    if image.shape == (height, width):
        return image
    left, right, x_weight = _taps(image.shape[1], width)
    top, bottom, y_weight = _taps(image.shape[0], height)
    columns = _mix(image[:, left], image[:, right], x_weight)
    result: Plane = _mix(columns[top], columns[bottom], y_weight[:, None])
    return result
