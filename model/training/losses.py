# SPDX-License-Identifier: Apache-2.0
"""Losses. All take logits and targets [N, 1, H, W], targets 0 or 1, and give a scalar."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as functional

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
SMOOTH = 1.0
"""Pixels added above and below, so that a batch without targets has a loss too."""


FOCUS = 2.0
"""The exponent of the focal loss."""
EMPTY = 1e-6
"""Added to masses and centres, which a crop without a target has none of."""


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


def focal(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy times (1 - the probability of what is true)**FOCUS, over the target pixels (Lin et al. 2017).

    Pixels that are clear, nearly all of a frame, no longer outweigh those that are not.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((1 - torch.exp(-entropy)) ** FOCUS * entropy).sum() / (target.sum() + SMOOTH)


def sls(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Scale and location sensitive loss of MSHNet (Liu et al. 2024), the mean of the crops.

    Where there is no target, of the scale alone.

    The scale's part is 1 - w SoftIoU of a crop, w = (min(p, t) + ((p - t) / 2)**2) / (max(p, t) + ((p - t) / 2)**2)
    for the predicted and the true area p and t: what differs in size weighs more. The location's part is of the two
    centres of mass in polar coordinates: 1 - the smaller of their radii by the larger + 4 / pi**2 (angle between)**2.
    """
    probability = torch.sigmoid(logits)
    predicted, true = (m.sum((1, 2, 3)) for m in (probability, target))
    both = (probability * target).sum((1, 2, 3))
    apart = ((predicted - true) / 2).square()
    low, high = torch.minimum(predicted, true), torch.maximum(predicted, true)
    weight = (low + apart + SMOOTH) / (high + apart + SMOOTH)
    scale = 1 - weight * (both + SMOOTH) / (predicted + true - both + SMOOTH)
    (r, a), (true_r, true_a) = centre(probability), centre(target)
    location = 1 - torch.minimum(r, true_r) / torch.maximum(r, true_r) + 4 / math.pi**2 * (a - true_a).square()
    has = (true > 0).to(scale.dtype)
    return scale.mean() + (location * has).sum() / has.sum().clamp(min=1)


def centre(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Radius (of a crop's side) and angle [N] of the centres of mass of [N, 1, H, W], from the top left corner."""
    height, width = mask.shape[-2:]
    mass = mask.sum((1, 2, 3)) + EMPTY
    # from half a pixel on: no radius is 0
    y = (mask * ((torch.arange(height) + 0.5) / height)[:, None]).sum((1, 2, 3)) / mass + EMPTY
    x = (mask * ((torch.arange(width) + 0.5) / width)).sum((1, 2, 3)) / mass + EMPTY
    return torch.hypot(y, x), torch.atan2(y, x)


LOSSES: dict[str, Loss] = {"softiou": softiou, "dice": dice, "bce": bce, "focal": focal, "sls": sls}


def loss_of(names: str) -> Loss:
    """The sum of named losses: `softiou+bce`. Raises KeyError."""
    parts = [LOSSES[name] for name in names.split("+")]

    def total(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        logits = logits.float()  # sums over a batch are beyond bfloat16
        return torch.stack([part(logits, target) for part in parts]).sum()

    return total
