# SPDX-License-Identifier: Apache-2.0
"""A binarized super-resolution network of BBCU blocks (Xia et al., "Basic Binary Convolution Unit for Binarized Image
Restoration Network", ICLR 2023): no BatchNormalization, amplified residuals, shortcuts around each binary convolution,
also where pixels are shuffled. What it finds is added to the image that was enlarged bilinearly."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from .layers import ApproxSign, LearnableBias, ScaledConv2d, rprelu

AMPLIFIED = 130.0
"""Factor of the image's range, so that residuals are comparable to a binary convolution's sums (section 3.2)."""


class Unit(nn.Module):
    """RPReLU(binary convolution of RSign(x)) + x; of more channels than x, x is repeated."""

    def __init__(self, channels: int, repeated: int = 1) -> None:
        super().__init__()
        self.repeated = repeated
        self.body = nn.Sequential(
            LearnableBias(channels),
            ApproxSign(),
            ScaledConv2d(channels, channels * repeated, 3, padding=1, bias=False),
            rprelu(channels * repeated),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.repeated == 1 else torch.cat([x] * self.repeated, 1)
        return self.body(x) + shortcut


class Bbcu(nn.Module):
    """Images [N, 3, H, W] of pixels 0 to 255 to images [N, 3, scale H, scale W]."""

    def __init__(self, scale: int = 4, channels: int = 64, blocks: int = 16) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(Unit(channels) for _ in range(2 * blocks)))
        steps = int(math.log2(scale))
        self.up = nn.Sequential(*(nn.Sequential(Unit(channels, 4), nn.PixelShuffle(2)) for _ in range(steps)))
        self.fine = Unit(channels)
        self.tail = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.head(image / 255 * AMPLIFIED)
        x = self.fine(self.up(self.body(x) + x))
        base = functional.interpolate(image, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return self.tail(x) * (255 / AMPLIFIED) + base
