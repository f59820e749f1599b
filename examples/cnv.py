# SPDX-License-Identifier: Apache-2.0
"""CNV_1W1A (Umuroglu et al., "FINN", 2017): BinaryNet's VGG for CIFAR-10 at half its width. Six binary convolutions
that pad nothing, three fully connected layers. For who has Brevitas: brevitas_examples.bnn_pynq has it as
QuantConv2d; these are the same layers in plain PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from .fully_connected import BinaryLinear, TensorNorm
from .layers import ClippedSign, SignConv2d

CONVOLUTIONS = ((64, False), (64, True), (128, False), (128, True), (256, False), (256, False))
"""(channels, whether a maximum of 2x2 follows)."""
NEURONS = (512, 512)


class Cnv(nn.Module):
    """Images [N, 3, S, S] of pixels 0 to 1, S at least 30, to scores [N, classes]."""

    def __init__(self, size: int = 32, classes: int = 10, narrow: int = 1) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = 3
        for wide, pooled in CONVOLUTIONS:
            channels = wide // narrow
            parts += [SignConv2d(before, channels, 3, bias=False), nn.BatchNorm2d(channels, eps=1e-4), ClippedSign()]
            before = channels
            size -= 2
            if pooled:
                parts.append(nn.MaxPool2d(2))
                size //= 2
        self.convolutions = nn.Sequential(*parts)
        parts = []
        before *= size * size
        for wide in NEURONS:
            neurons = wide // narrow
            parts += [BinaryLinear(before, neurons, bias=False), nn.BatchNorm1d(neurons, eps=1e-4), ClippedSign()]
            before = neurons
        self.linear = nn.Sequential(*parts, BinaryLinear(before, classes, bias=False), TensorNorm())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.linear(self.convolutions(2 * image - 1).flatten(1))
