# SPDX-License-Identifier: Apache-2.0
"""Bi-Real net of 18 layers (Liu et al., "Bi-Real Net", ECCV 2018): ResNet-18 with a shortcut around each binary
convolution, and float 1x1 convolutions in the shortcuts that halve the resolution."""

from __future__ import annotations

import torch
from torch import nn

from .layers import ApproxSign, ScaledConv2d

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
"""(channels, stride of the first convolution); four binary convolutions each."""


class Layer(nn.Module):
    """BatchNorm(binary convolution of sign(x)) + x, or + a 1x1 convolution of x's average where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.sign = ApproxSign()
        self.conv = ScaledConv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(2, stride), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(self.sign(x))) + self.shortcut(x)


class BiRealNet18(nn.Module):
    """Images [N, 3, H, W], H and W multiples of 32, to scores [N, classes]."""

    def __init__(self, classes: int = 1000, narrow: int = 1) -> None:
        super().__init__()
        before = 64 // narrow
        self.stem = nn.Sequential(
            nn.Conv2d(3, before, 7, 2, 3, bias=False), nn.BatchNorm2d(before), nn.MaxPool2d(3, 2, 1)
        )
        layers = []
        for wide, stride in STAGES:
            channels = wide // narrow
            for number in range(4):
                layers.append(Layer(before, channels, stride if number == 0 else 1))
                before = channels
        self.layers = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(before, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.layers(self.stem(image))
        return self.head(self.pool(x).flatten(1))
