# SPDX-License-Identifier: Apache-2.0
"""A frame through the network in PyTorch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

F32 = npt.NDArray[np.float32]


@torch.no_grad()
def predict(network: torch.nn.Module, image: F32) -> F32:
    """Grey levels [H, W] -> target probabilities [H, W], in float32; BatchNorm as in use, whatever the mode."""
    was_training = network.training
    network.eval()
    try:
        logits = network(torch.from_numpy(image)[None, None])
    finally:
        network.train(was_training)
    probability: F32 = torch.sigmoid(logits)[0, 0].numpy()
    return probability
