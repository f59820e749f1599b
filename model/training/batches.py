"""Frames as batches of random crops, in an order that follows from the seed and the epoch."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from ..datasets import F32, Frame, Mask
from ..errors import InputError
from .augment import crop
from .paste import Cutout, paste
from .recipe import Recipe

PASTING = 1
"""What tells the draws of pasting apart from those of a crop."""


class Crops(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One epoch's random crops, one of each frame: image and mask, float32 [1, crop, crop]."""

    def __init__(self, frames: list[Frame], recipe: Recipe, epoch: int, targets: list[Cutout] | None = None) -> None:
        self.frames, self.recipe, self.epoch, self.targets = frames, recipe, epoch, targets or []

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        size = self.recipe.phase(self.epoch).crop
        image, mask = crop(*self.pasted(index), self.recipe, size, self.epoch, index)
        return torch.from_numpy(image)[None], torch.from_numpy(mask)[None]

    def pasted(self, index: int) -> tuple[F32, Mask]:
        """A frame's image and mask, to which targets of others may have been added."""
        frame = self.frames[index]
        rng = np.random.default_rng([self.recipe.seed, self.epoch, index, PASTING])
        if self.targets and rng.uniform() < self.recipe.paste:
            return paste(frame.image, frame.mask, self.targets, rng)
        return frame.image, frame.mask


def epoch_batches(
    frames: list[Frame], recipe: Recipe, epoch: int, fabric: Fabric, targets: list[Cutout] | None = None
) -> DataLoader:
    """This process's share of an epoch; `targets` are those that may be pasted."""
    crops = Crops(frames, recipe, epoch, targets)
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
