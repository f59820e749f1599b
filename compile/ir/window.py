# SPDX-License-Identifier: Apache-2.0
"""The geometry of a convolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Window:
    """Geometry of a convolution."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)  # top, left, bottom, right; below 0 so many are left out
    dilations: tuple[int, int] = (1, 1)

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the result."""
        top, left, bottom, right = self.pads
        spans = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        return (
            (height + top + bottom - spans[0]) // self.strides[0] + 1,
            (width + left + right - spans[1]) // self.strides[1] + 1,
        )

    def padded(self, axis: int, size: int, output: int) -> npt.NDArray[np.bool_]:
        """[output, kernel]: which taps fall outside of 0 .. size-1 along `axis`."""
        at = (
            np.arange(output)[:, None] * self.strides[axis]
            - self.pads[axis]
            + np.arange(self.kernel[axis]) * self.dilations[axis]
        )
        return (at < 0) | (at >= size)

    @property
    def is_square(self) -> bool:
        """Whether it is the same along both axes."""
        top, left, bottom, right = self.pads
        pairs = (self.kernel, self.strides, self.dilations, (top, left), (bottom, right))
        return all(a == b for a, b in pairs)
