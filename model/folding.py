# SPDX-License-Identifier: Apache-2.0
"""A trained BatchNorm as what it is in use, a slope and an offset a channel."""

import torch
from torch import nn


def fold_norm(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """The slope and offset, float64 [M], that a BatchNorm is in evaluation mode."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    slope = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return slope, norm.bias.double() - norm.running_mean.double() * slope
