# SPDX-License-Identifier: Apache-2.0
"""Synthetic infrared frames with small targets and their masks: for a trial without a data set, and for tests.

Background: clouds (noise whose amplitudes fall as 1/f**2), or a horizon with ground clutter below it (rougher noise,
warm and cold rectangles). Targets: Gaussian spots of sub-pixel size (a point behind the optics' blur) up to 9x9 pixels,
each elongated by up to 1.5. Then the sensor: white noise and a pattern of its columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .datasets import Frame

MEAN, SPREAD = (60.0, 120.0), (8.0, 22.0)  # grey levels: a frame's mean, its clouds' standard deviation
NOISE, COLUMNS = (0.5, 2.5), (0.0, 0.8)  # grey levels, standard deviations
CONTRAST = (25.0, 130.0)  # grey levels, of a target's peak
SIGMA = (0.5, 2.2)  # pixels, of a Gaussian: 0.5 is a point behind the optics, 2.2 is about 9x9 pixels
TARGETS = 3
"""At most, a frame; one frame in eight has none."""
EDGE = 0.4
"""A target's pixels are those where it has this share of its peak at least."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def scenes(count: int, height: int = 256, width: int = 256, seed: int = 0, unseen: bool = False) -> list[Frame]:
    """`count` frames, each determined by the seed, its number and `unseen` alone.

    Those that are `unseen` are other ones at any seed: to evaluate on what no training has drawn.
    """
    rngs = (np.random.default_rng([seed, n, int(unseen)]) for n in range(count))
    return [scene(height, width, rng, f"scene_{n:04}") for n, rng in enumerate(rngs)]


def scene(height: int, width: int, rng: np.random.Generator, name: str = "scene") -> Frame:
    """One frame: image float32 [height, width] of whole grey levels 0 to 255, mask bool."""
    frame = background(height, width, rng)
    mask = np.zeros((height, width), bool)
    for _ in range(int(rng.integers(1, TARGETS + 1)) if rng.uniform() > 1 / 8 else 0):
        spot = target(height, width, rng)
        frame += rng.uniform(*CONTRAST) * spot
        mask |= spot >= EDGE * spot.max()
    frame += rng.uniform(*NOISE) * rng.standard_normal((height, width))
    frame += rng.uniform(*COLUMNS) * rng.standard_normal((1, width))
    return Frame(name, np.clip(np.rint(frame), 0, 255).astype(np.float32), mask)


def background(height: int, width: int, rng: np.random.Generator) -> F64:
    """Grey levels [height, width] without targets and noise."""
    mean, spread = rng.uniform(*MEAN), rng.uniform(*SPREAD)
    frame: F64 = mean + spread * fractal(height, width, 2.0, rng)
    if rng.uniform() < 0.4:
        frame = frame * 0.5 + mean * 0.5
        line = horizon(height, width, rng)
        ground = mean + rng.uniform(-25, 25) + spread * fractal(height, width, 1.3, rng)
        for _ in range(int(rng.integers(4, 14))):
            y, x = int(rng.integers(height)), int(rng.integers(width))
            tall, wide = (int(v) for v in rng.integers(2, 8 + min(height, width) // 8, 2))
            ground[y : y + tall, x : x + wide] += rng.uniform(-30, 30)
        frame = np.where(np.arange(height)[:, None] > line, ground, frame)
    return frame


def fractal(height: int, width: int, power: float, rng: np.random.Generator) -> F64:
    """Noise whose amplitudes fall as 1/f**power, mean 0 and standard deviation 1."""
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    lowest = 1 / max(height, width)
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    spectrum /= np.maximum(np.hypot(fy, fx), lowest) ** power
    noise = np.fft.irfft2(spectrum, s=(height, width))
    out: F64 = (noise - noise.mean()) / max(float(noise.std()), 1e-9)
    return out


def horizon(height: int, width: int, rng: np.random.Generator) -> F64:
    """Rows [width] of a slightly tilted, slightly rough line."""
    slope = rng.uniform(-0.1, 0.1) * (np.arange(width) - width / 2)
    rough = np.cumsum(rng.standard_normal(width)) * 0.3
    out: F64 = rng.uniform(0.45, 0.85) * height + slope + rough
    return out


def target(height: int, width: int, rng: np.random.Generator) -> F64:
    """A spot [height, width], 1 at its centre, which lies anywhere between the pixels."""
    y, x = np.arange(height)[:, None] - rng.uniform(0, height - 1), np.arange(width) - rng.uniform(0, width - 1)
    across, along = rng.uniform(*SIGMA), rng.uniform(1.0, 1.5)
    angle = rng.uniform(0, np.pi)
    u, v = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    out: F64 = np.exp(-(u**2 + (v / along) ** 2) / (2 * across**2))
    return out
