# SPDX-License-Identifier: Apache-2.0
"""Random weights for networks that nobody has trained, and BatchNormalizations that suit them.

A network of random numbers whose maps grow or vanish from layer to layer has constant signs and proves little. So the
statistics are those of a few random images, as after a first step of training, and then moved at random, since a
trained network's are no round numbers.
"""

from __future__ import annotations

import torch
from torch import nn

from .layers import LearnableBias

BATCH = 4
"""Random images that the statistics are taken of."""


def randomise(network: nn.Module, shape: tuple[int, int, int], seed: int = 0) -> nn.Module:
    """The network with random parameters and statistics, ready for export. `shape` is (channels, height, width)."""
    torch.manual_seed(seed)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.05, 0.5)
        elif isinstance(module, LearnableBias):
            nn.init.normal_(module.bias, 0, 0.1)
    for norm in norms:
        norm.momentum = None  # the mean over batches, of which there is one
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.3)
    with torch.no_grad():
        if norms:
            network.train()(torch.rand(BATCH, *shape))
        for norm in norms:
            assert norm.running_mean is not None  # all of them track their statistics
            assert norm.running_var is not None
            deviation = norm.running_var.sqrt()
            norm.running_mean += 0.1 * deviation * torch.randn_like(deviation)
            norm.running_var *= torch.empty_like(deviation).uniform_(0.8, 1.25)
    return network.eval()
