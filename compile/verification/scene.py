# SPDX-License-Identifier: Apache-2.0
"""A synthetic infrared frame: what the verification runs on, the same for everyone.

Smooth clouds (noise with a 1/f**2 spectrum), sensor noise, and a few small Gaussian targets.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PIXELS_A_TARGET = 16384
MEAN, CLOUDS, NOISE = 90.0, 15.0, 1.0  # grey levels: the sky, its variation, the sensor's
CONTRAST, RADIUS = (80.0, 150.0), (1.0, 2.0)  # of a target, grey levels and pixels


def frame(channels: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Levels, uint8 [channels, height, width]: another scene for each channel, so that swapped ones are found out."""
    return np.stack([scene(height, width, seed) for seed in range(channels)])


def scene(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Grey levels, uint8 [height, width], deterministic by seed."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    lowest = 1 / max(height, width)
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) / np.maximum(fy**2 + fx**2, lowest**2)
    clouds = np.fft.irfft2(spectrum, s=(height, width))
    frame = MEAN + CLOUDS * (clouds - clouds.mean()) / max(clouds.std(), 1e-9)
    frame += NOISE * rng.standard_normal((height, width))
    y, x = np.mgrid[:height, :width]
    for _ in range(1 + height * width // PIXELS_A_TARGET):
        cy, cx, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(*RADIUS)
        frame += rng.uniform(*CONTRAST) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2))
    grey: npt.NDArray[np.uint8] = np.clip(np.rint(frame), 0, 255).astype(np.uint8)
    return grey
