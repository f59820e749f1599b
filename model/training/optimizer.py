# SPDX-License-Identifier: Apache-2.0
"""The optimizer: AdamW's groups, the learning rate over a run, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..network import BiisNet
from .recipe import Recipe

RATE_FLOOR = 1e-3
"""The share of the learning rate that cosine annealing ends at."""
FIRST = 1e-2
"""Epochs of warm-up that the first step has had: its rate is not 0."""


def make_optimizer(network: BiisNet, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW on everything that is trained."""
    # hundreds of small tensors: one by one, their calls are a tenth of a step of small crops
    return torch.optim.AdamW(parameter_groups(network, recipe), fused=True)


def parameter_groups(network: BiisNet, recipe: Recipe) -> list[dict]:
    """Weight decay for convolution weights alone; `times` is each group's factor of the learning rate."""
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        decay = recipe.weight_decay if parameter.ndim == 4 else 0.0
        times = recipe.k_rate if name.endswith("_k") else 1.0
        groups.setdefault((decay, times), []).append(parameter)
    return [{"params": p, "weight_decay": decay, "times": times, "lr": 0.0} for (decay, times), p in groups.items()]


def learning_rate(recipe: Recipe, epoch: float) -> float:
    """Linear warm-up, of a tenth of the run at most, then cosine annealing."""
    warmup = min(recipe.warmup_epochs, recipe.epochs / 10)
    if epoch < warmup:
        return recipe.learning_rate * min(1.0, (epoch + FIRST) / warmup)
    done = (epoch - warmup) / (recipe.epochs - warmup)
    return recipe.learning_rate * (RATE_FLOOR + (1 - RATE_FLOOR) * 0.5 * (1 + math.cos(math.pi * min(done, 1))))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Each group's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["times"]


def make_average(network: BiisNet, decay: float) -> AveragedModel | None:
    """The moving average of a network's weights and BatchNorm statistics; None for a decay of 0."""
    if decay == 0:
        return None
    average = AveragedModel(network, multi_avg_fn=_moving_average(decay), use_buffers=True)
    average.eval()
    return average


def _moving_average(decay: float) -> Callable[..., None]:
    """Torch's exponential moving average, whose first steps count for more: min(decay, (1 + n) / (10 + n))."""

    def update(averaged: list[torch.Tensor], current: list[torch.Tensor], steps: torch.Tensor) -> None:
        n = int(steps)
        get_ema_multi_avg_fn(min(decay, (1 + n) / (10 + n)))(averaged, current, steps)

    return update
