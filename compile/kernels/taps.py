# SPDX-License-Identifier: Apache-2.0
"""Taps: the pixels that a convolution's window reads, and sums over them, in numpy."""

from __future__ import annotations

import numpy as np

from ..ir.buffers import Buffer, Operand
from ..ir.window import Window


def window_operand(buffer: Buffer, w: Window) -> Operand:
    """The rows that a window reads; a row outside of the map is zero (bits)."""
    return Operand(buffer, mul=w.strides[0], add=-w.pads[0], step=w.dilations[0], count=w.kernel[0], edge="zero")


def windows(x: np.ndarray, window: Window, pad_value: float = 0.0) -> np.ndarray:
    """x [C, H, W] -> [C, kh, kw, H', W']: what each tap reads. Pads below 0 leave rows and columns out."""
    top, left, bottom, right = (max(pad, 0) for pad in window.pads)
    above, before, below, behind = (max(-pad, 0) for pad in window.pads)
    x = np.pad(x, ((0, 0), (top, bottom), (left, right)), constant_values=pad_value)
    x = x[:, above : x.shape[1] - below, before : x.shape[2] - behind]
    height, width = Window(window.kernel, window.strides, dilations=window.dilations).output(*x.shape[1:])
    (sy, sx), (dy, dx) = window.strides, window.dilations
    taps = np.stack(
        [
            [
                x[:, ky * dy : ky * dy + (height - 1) * sy + 1 : sy, kx * dx : kx * dx + (width - 1) * sx + 1 : sx]
                for kx in range(window.kernel[1])
            ]
            for ky in range(window.kernel[0])
        ]
    )
    return np.transpose(taps, (2, 0, 1, 3, 4))


def grouped_sum(taps: np.ndarray, weight: np.ndarray, groups: int) -> np.ndarray:
    """taps [C, kh, kw, H, W], weight [M, C/groups, kh, kw] -> [M, H, W]."""
    rows = zip(np.split(weight, groups), np.split(taps, groups), strict=True)
    sums = [w.reshape(len(w), -1) @ t.reshape(w[0].size, -1) for w, t in rows]
    return np.concatenate(sums).reshape(-1, *taps.shape[-2:])
