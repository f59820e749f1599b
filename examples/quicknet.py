# SPDX-License-Identifier: Apache-2.0
"""QuickNet, Small and Large (Bannink et al., "Larq Compute Engine", MLSys 2021), written for PyTorch.

A stem of three small convolutions, four stages of residual binary 3x3 convolutions, a blurred maximum between stages.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .layers import SignConv2d, SteSign


@dataclass(frozen=True)
class Widths:
    """Channels of the stem, and (channels, blocks) of each stage."""

    stem: int
    stages: tuple[tuple[int, int], ...]

    def narrowed(self, narrow: int) -> Widths:
        """A fraction of the channels."""
        return Widths(max(self.stem // narrow, 1), tuple((channels // narrow, n) for channels, n in self.stages))


SMALL = Widths(8, ((32, 4), (64, 4), (256, 4), (512, 4)))
MEDIUM = Widths(16, ((64, 4), (128, 4), (256, 4), (512, 4)))
LARGE = Widths(16, ((64, 6), (128, 8), (256, 12), (512, 6)))


class Block(nn.Module):
    """x + BatchNorm(Relu(binary convolution of sign(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = SignConv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.norm(torch.relu(self.conv(SteSign.apply(x))))


class Blur(nn.Module):
    """The binomial filter 1 2 1 of each channel, at half the resolution (Zhang, "Making Convolutional Networks
    Shift-Invariant Again")."""

    filter: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("filter", (line[:, None] * line).expand(channels, 1, 3, 3).clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, self.filter, stride=2, padding=1, groups=x.shape[1])


def transition(inputs: int, outputs: int) -> nn.Sequential:
    """Half the resolution, other channels."""
    return nn.Sequential(
        nn.ReLU(),
        nn.MaxPool2d(2, 1),
        Blur(inputs),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


class QuickNet(nn.Module):
    """Images [N, 3, H, W] to scores [N, classes]."""

    def __init__(self, widths: Widths, classes: int = 1000, narrow: int = 1) -> None:
        super().__init__()
        widths = widths.narrowed(narrow)
        stem, first = widths.stem, widths.stages[0][0]
        parts: list[nn.Module] = [
            nn.Conv2d(3, stem, 3, 2, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            nn.Conv2d(stem, stem, 3, 2, 1, groups=stem, bias=False),
            nn.BatchNorm2d(stem),
            nn.Conv2d(stem, first, 1, bias=False),
            nn.BatchNorm2d(first),
        ]
        before = first
        for channels, blocks in widths.stages:
            if channels != before:
                parts.append(transition(before, channels))
            parts += [Block(channels) for _ in range(blocks)]
            before = channels
        self.features = nn.Sequential(*parts, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(before, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(image))
