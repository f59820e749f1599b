# SPDX-License-Identifier: Apache-2.0
"""ReActNet-A (Liu et al., "ReActNet", ECCV 2020): MobileNet's shape with binary convolutions, signs with a threshold a
channel, PReLUs that are shifted on both sides; where channels double, two binary 1x1 convolutions side by side."""

from __future__ import annotations

import torch
from torch import nn

from .layers import ApproxSign, LearnableBias, ScaledConv2d, rprelu

STAGES = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""(channels, stride) of each block."""


class Convolution(nn.Module):
    """BatchNorm(binary convolution of RSign(x))."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            LearnableBias(inputs),
            ApproxSign(),
            ScaledConv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


class Block(nn.Module):
    """A binary 3x3 convolution, then one or two of 1x1, each with its shortcut and RPReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.spatial = Convolution(inputs, inputs, 3, stride)
        self.shortcut = nn.AvgPool2d(2) if stride == 2 else nn.Identity()
        self.between = rprelu(inputs)
        self.pointwise = nn.ModuleList([Convolution(inputs, inputs, 1) for _ in range(outputs // inputs)])
        self.after = rprelu(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.between(self.spatial(x) + self.shortcut(x))
        parts = [conv(x) + x for conv in self.pointwise]
        return self.after(parts[0] if len(parts) == 1 else torch.cat(parts, 1))


class ReActNetA(nn.Module):
    """Images [N, 3, H, W], H and W multiples of 32, to scores [N, classes]."""

    def __init__(self, classes: int = 1000, narrow: int = 1) -> None:
        super().__init__()
        before = 32 // narrow
        parts: list[nn.Module] = [nn.Conv2d(3, before, 3, 2, 1, bias=False), nn.BatchNorm2d(before)]
        for wide, stride in STAGES:
            channels = wide // narrow
            parts.append(Block(before, channels, stride))
            before = channels
        self.features = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1))
        self.head = nn.Linear(before, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(torch.flatten(self.features(image), 1))
