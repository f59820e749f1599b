"""A synthetic infrared frame: what the verification runs on, the same for everyone.

Smooth clouds (noise with a 1/f spectrum), sensor noise, and a few small Gaussian targets.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def scene(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Grey levels, uint8 [height, width], deterministic by seed."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) / np.maximum(np.hypot(fy, fx), 1 / max(height, width))
    clouds = np.fft.irfft2(spectrum, s=(height, width))
    frame = 100 + 25 * (clouds - clouds.mean()) / max(clouds.std(), 1e-9) + 1.5 * rng.standard_normal((height, width))
    y, x = np.mgrid[:height, :width]
    for _ in range(1 + height * width // 16384):
        cy, cx, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0.7, 2.0)
        frame += rng.uniform(60, 130) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2))
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)
