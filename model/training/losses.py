# SPDX-License-Identifier: Apache-2.0
"""Losses. All take logits and targets [N, 1, H, W], targets 0 or 1, and give a scalar."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
SMOOTH = 1.0
"""Pixels added above and below, so that a batch without targets has a loss too."""


def softiou(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - soft intersection over union of the whole batch, as mIoU takes the whole data set."""
    probability = torch.sigmoid(logits)
    both = (probability * target).sum()
    return 1 - (both + SMOOTH) / (probability.sum() + target.sum() - both + SMOOTH)


def dice(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - soft Dice coefficient of the whole batch."""
    probability = torch.sigmoid(logits)
    return 1 - (2 * (probability * target).sum() + SMOOTH) / (probability.sum() + target.sum() + SMOOTH)


def bce(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy, the mean over all pixels."""
    return functional.binary_cross_entropy_with_logits(logits, target)


LOSSES: dict[str, Loss] = {"softiou": softiou, "dice": dice, "bce": bce}


def loss_of(names: str) -> Loss:
    """The sum of named losses: `softiou+bce`. Raises KeyError."""
    parts = [LOSSES[name] for name in names.split("+")]

    def total(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        logits = logits.float()  # sums over a batch are beyond bfloat16
        return torch.stack([part(logits, target) for part in parts]).sum()

    return total
