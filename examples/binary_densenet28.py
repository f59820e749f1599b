# SPDX-License-Identifier: Apache-2.0
"""BinaryDenseNet28 (Bethge et al., "Back to Simplicity: How to Train Accurate BNNs from Scratch?", 2019).

Each binary convolution adds 64 channels to those before it; full-precision 1x1 convolutions between the blocks reduce
them.
"""

from __future__ import annotations

import torch
from torch import nn

from .layers import ClippedSign, SteSign

GROWTH = 64
BLOCKS = ((6, 160), (6, 192), (6, 256), (5, None))
"""(binary convolutions, channels that the transition behind them leaves)."""


class SignedConv2d(nn.Conv2d):
    """A convolution by sign(w); what is padded is 0."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, SteSign.apply(self.weight), None, self.stride, self.padding)


class DenseLayer(nn.Module):
    """x, and behind its channels a binary convolution of sign(BatchNorm(x))."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs), ClippedSign(), SignedConv2d(inputs, growth, 3, padding=1, bias=False)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.body(x)], 1)


class BinaryDenseNet28(nn.Module):
    """Images [N, 3, H, W] to scores [N, classes]."""

    def __init__(self, classes: int = 1000, narrow: int = 1) -> None:
        super().__init__()
        growth = GROWTH // narrow
        channels = 64 // narrow
        parts: list[nn.Module] = [
            nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        for layers, reduced in BLOCKS:
            parts += [DenseLayer(channels + growth * n, growth) for n in range(layers)]
            channels += growth * layers
            if reduced is not None:
                parts += [nn.BatchNorm2d(channels), nn.MaxPool2d(2), nn.ReLU()]
                parts.append(nn.Conv2d(channels, reduced // narrow, 1, bias=False))
                channels = reduced // narrow
        parts += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.features = nn.Sequential(*parts)
        self.head = nn.Linear(channels, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(image))
