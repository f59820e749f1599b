# SPDX-License-Identifier: Apache-2.0
"""Frames as batches of random crops, in an order that follows from the seed and the epoch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from ..datasets import Frame
from ..errors import InputError
from ..scenes import scene
from .augment import crop
from .hard import Places, no_places
from .paste import Cutout, paste
from .recipe import Recipe

CONTENT = 1
"""What tells the draws of what a crop shows apart from those of where it is."""


@dataclass(frozen=True)
class Drawn:
    """Contents that crops may show beside their own frame."""

    targets: list[Cutout] = field(default_factory=list)
    """Of all frames, to be pasted."""
    hard: Places = field(default_factory=no_places)
    """False alarms, to be looked at."""


class Crops(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One epoch's random crops, one of each frame: image and mask, float32 [1, crop, crop]."""

    def __init__(self, frames: list[Frame], recipe: Recipe, epoch: int, drawn: Drawn | None = None) -> None:
        self.frames, self.recipe, self.epoch, self.drawn = frames, recipe, epoch, drawn or Drawn()

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        recipe, size = self.recipe, self.recipe.phase(self.epoch).crop
        rng = np.random.default_rng([recipe.seed, self.epoch, index, CONTENT])
        number, around = index, None
        hard = self.drawn.hard
        if len(hard) and rng.uniform() < recipe.hard:
            number, row, column = (int(n) for n in hard[rng.integers(len(hard))])
            around = row, column
        frame = self.frames[number]
        if rng.uniform() < recipe.scenes and around is None:  # drawn for all: the rest of a crop is the same
            frame = scene(*recipe.size, rng)
        seen = (frame.image, frame.mask)
        if self.drawn.targets and rng.uniform() < recipe.paste:
            seen = paste(*seen, self.drawn.targets, rng)
        image, mask = crop(*seen, recipe, size, self.epoch, index, around)
        return torch.from_numpy(image)[None], torch.from_numpy(mask)[None]


def epoch_batches(
    frames: list[Frame], recipe: Recipe, epoch: int, fabric: Fabric, drawn: Drawn | None = None
) -> DataLoader:
    """This process's share of an epoch."""
    crops = Crops(frames, recipe, epoch, drawn)
    order: DistributedSampler = DistributedSampler(
        crops, fabric.world_size, fabric.global_rank, seed=recipe.seed, drop_last=False
    )
    order.set_epoch(epoch)
    batch = recipe.phase(epoch).batch
    # one shape for all batches, so that the network is compiled once
    return DataLoader(crops, batch, sampler=order, drop_last=len(order) >= batch)


def require_targets(frames: list[Frame], purpose: str) -> None:
    """Raise InputError where no frame has a target: there is nothing to learn, and no metric of it is a number."""
    if not any(frame.mask.any() for frame in frames):
        raise InputError(f"none of the {len(frames)} frames to {purpose} on has a target; give more or other frames")


def data_digest(*parts: list[Frame]) -> str:
    """SHA-256 of the frames' names and pixels: what a resumed run must find again."""
    digest = hashlib.sha256()
    for frames in parts:
        digest.update(f"{len(frames)} frames ".encode())
        for frame in frames:
            digest.update(f"{frame.name} {frame.image.shape} ".encode())
            digest.update(frame.image.tobytes())
            digest.update(frame.mask.tobytes())
    return digest.hexdigest()
