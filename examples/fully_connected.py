# SPDX-License-Identifier: Apache-2.0
"""TFC, SFC and LFC_1W1A (Umuroglu et al., "FINN", 2017): three binary layers of 64, 256 or 1024 neurons between an
image of 28x28 that is binarized too and ten classes. For who has Brevitas: brevitas_examples.bnn_pynq has them as
QuantLinear; these are the same layers in plain PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from .layers import ClippedSign, SteSign

NEURONS = {"tfc": 64, "sfc": 256, "lfc": 1024}


class BinaryLinear(nn.Linear):
    """A fully connected layer by sign(w)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, SteSign.apply(self.weight))


class TensorNorm(nn.Module):
    """A normalisation of all scores by one mean and one deviation, which leaves their order: a gain and a shift."""

    def __init__(self) -> None:
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.tensor(0.1)), nn.Parameter(torch.tensor(0.05))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gain + self.shift


class FullyConnected(nn.Module):
    """Images [N, 1, H, W] of pixels 0 to 1 to scores [N, classes]."""

    def __init__(self, neurons: int, pixels: int, classes: int = 10) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = pixels
        for _ in range(3):
            parts += [ClippedSign(), nn.Dropout(0.2), BinaryLinear(before, neurons, bias=False)]
            parts.append(nn.BatchNorm1d(neurons))
            before = neurons
        parts += [ClippedSign(), nn.Dropout(0.2), BinaryLinear(before, classes, bias=False), TensorNorm()]
        self.layers = nn.Sequential(*parts)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(2 * image.flatten(1) - 1)
