# SPDX-License-Identifier: Apache-2.0
"""Distillation: what a larger network, trained before, makes of a crop is learned from beside its mask.

    loss = sum over pixels of KL(teacher || student) / (sum of the teacher's probabilities + 1)

KL is of the two probabilities of a target. A mask says where a target ends, a teacher also how sure that is. (Hinton,
Vinyals, Dean 2015.)
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from ..network import BiisNet
from ..weights import digest


class Teacher:
    """A network that is not trained any more."""

    def __init__(self, network: BiisNet) -> None:
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss(self, images: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """How far `logits` [N, 1, H, W] of the student are from the teacher's of `images`: a scalar, 0 at best."""
        with torch.no_grad():
            theirs = self.network(images).float()
            probability = torch.sigmoid(theirs)
            entropy = functional.binary_cross_entropy_with_logits(theirs, probability, reduction="sum")
        cross = functional.binary_cross_entropy_with_logits(logits.float(), probability, reduction="sum")
        return (cross - entropy) / (probability.sum() + 1)

    def digest(self) -> str:
        """SHA-256 of its configuration and its weights."""
        return digest(self.network, self.network.config.to_json())
