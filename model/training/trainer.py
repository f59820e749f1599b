"""The training loop on Lightning Fabric, one process or many (torchrun).

Every random choice follows from (seed, epoch, index): a run that was killed and resumed ends with the weights of an
unbroken one. What is validated and kept is the moving average of the weights.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from ..config import NetworkConfig
from ..datasets import Frame
from ..errors import InputError
from ..metrics import Metrics, evaluate
from ..network import BiisNet
from ..predict import predict
from ..weights import save
from .augment import crop
from .checkpoint import State, read_state, restore, write_checkpoint
from .history import History
from .losses import loss_of
from .recipe import Recipe

LAST, BEST = "last.safetensors", "best.safetensors"
RATE_FLOOR = 1e-3
"""Of the learning rate, what cosine annealing ends at."""


@dataclass(frozen=True)
class Options:
    """How a run is carried out, which its result should not depend on (but for rounding)."""

    compile: bool = False
    """Fuse the network's work with torch.compile, which needs a C++ compiler."""
    tensorboard: bool = False
    """Write TensorBoard's log beside history.csv."""


@dataclass(frozen=True)
class Progress:
    """After each step; `epoch` and `step` count from 1."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds_left: float
    metrics: Metrics | None = None  # after the epochs that were validated


class Crops(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """One epoch's random crops, one of each frame."""

    def __init__(self, frames: list[Frame], recipe: Recipe, epoch: int) -> None:
        self.frames, self.recipe, self.epoch = frames, recipe, epoch

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        frame, size = self.frames[index], self.recipe.phase(self.epoch).crop
        image, mask = crop(frame.image, frame.mask, self.recipe, size, self.epoch, index)
        return torch.from_numpy(image)[None], torch.from_numpy(mask)[None]


@dataclass
class Run:
    """What changes while training: the network, its average, the optimizer and how far it is."""

    network: BiisNet
    average: AveragedModel | None
    optimizer: torch.optim.Optimizer
    state: State

    @property
    def kept(self) -> BiisNet:
        """What is validated and shipped."""
        if self.average is None:
            return self.network
        assert isinstance(self.average.module, BiisNet)
        return self.average.module

    def write(self, folder: Path, better: bool) -> None:
        """The best network first: a run killed between the two finds it again."""
        if better:
            save(self.kept, folder / BEST)
        write_checkpoint(folder / LAST, self.state, self.network, self.average, self.optimizer)


def train(
    fabric: Fabric,
    network: BiisNet,
    training: list[Frame],
    validation: list[Frame],
    recipe: Recipe,
    folder: Path,
    options: Options,
    report: Callable[[Progress], None],
) -> State:
    """Train `network` on frames of the recipe's size; a run that is in `folder` already is gone on with.

    The folder gets last.safetensors (everything), best.safetensors (the network with the best validation mIoU),
    history.csv and curves.png.

    Raises InputError where the folder's run is another one, or the loss is no number.
    """
    # all channels of a pixel side by side: convolutions and per-channel work then agree on a layout, without copies
    network.train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    run = begin(network, training, validation, recipe)
    if (folder / LAST).exists():
        resume(run, folder / LAST)
    history = History(folder, run.state.epoch, options.tensorboard and fabric.is_global_zero)
    if options.compile:
        network.compile()  # in place: the names of its parameters stay
    model, optimizer = fabric.setup(network, run.optimizer)
    clock = Clock(run.state.epoch, recipe.epochs)
    for epoch in range(run.state.epoch, recipe.epochs):
        started = time.perf_counter()
        network.anneal(epoch / recipe.epochs)
        losses = []
        batches = epoch_batches(training, recipe, epoch, fabric)
        for step, (images, masks) in enumerate(batches, 1):
            set_rate(optimizer, learning_rate(recipe, epoch + (step - 1) / len(batches)))
            losses.append(take_step(fabric, model, optimizer, recipe, images, masks))
            if run.average is not None:
                run.average.update_parameters(network)
            left = clock.left(epoch + step / len(batches))
            report(Progress(epoch + 1, recipe.epochs, step, len(batches), losses[-1], left))
        last = epoch + 1 == recipe.epochs
        metrics = None
        if fabric.is_global_zero and (last or (epoch + 1) % recipe.validate_every == 0):
            metrics = validate(run.kept, validation)
        better = metrics is not None and metrics.miou > run.state.best
        run.state = replace(
            run.state,
            epoch=epoch + 1,
            best=metrics.miou if metrics is not None and better else run.state.best,
            seconds=run.state.seconds + time.perf_counter() - started,
        )
        if fabric.is_global_zero:
            history.add(epoch + 1, learning_rate(recipe, epoch), float(np.mean(losses)), run.state.seconds, metrics)
            run.write(folder, better)
        fabric.barrier()
        if metrics is not None:
            left = clock.left(epoch + 1)
            report(
                Progress(epoch + 1, recipe.epochs, len(batches), len(batches), float(np.mean(losses)), left, metrics)
            )
    return run.state


def make_fabric(bfloat16: bool) -> Fabric:
    """Joins the processes that torchrun has started; alone without it. `bfloat16` is for convolutions."""
    fabric = Fabric(
        accelerator="cpu",
        devices=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
        num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", "1")),
        precision="bf16-mixed" if bfloat16 else "32-true",
    )
    fabric.launch()
    return fabric


def begin(network: BiisNet, training: list[Frame], validation: list[Frame], recipe: Recipe) -> Run:
    """A run before its first step."""
    average = None
    if recipe.average:
        average = AveragedModel(network, multi_avg_fn=moving_average(recipe.average), use_buffers=True)
        average.eval()
    optimizer = torch.optim.AdamW(parameter_groups(network, recipe))
    digest = data_digest(training, validation)
    return Run(network, average, optimizer, State(recipe, network.config.to_json(), digest, 0, -1.0, 0.0))


def moving_average(decay: float) -> Callable[..., None]:
    """Torch's exponential moving average, whose first steps count for more: min(decay, (1 + n) / (10 + n))."""

    def update(averaged: list[torch.Tensor], current: list[torch.Tensor], steps: torch.Tensor) -> None:
        n = int(steps)
        get_ema_multi_avg_fn(min(decay, (1 + n) / (10 + n)))(averaged, current, steps)

    return update


def resume(run: Run, path: Path) -> None:
    """Put `run` where a checkpoint is. Raises InputError where that is another run's."""
    state, tensors = read_state(path)
    # a configuration that was written before a field was there is still the same network
    same = {
        "recipe": state.recipe == run.state.recipe,
        "network": NetworkConfig.from_json(state.network) == run.network.config,
        "data": state.data == run.state.data,
    }
    for what, holds in same.items():
        if not holds:
            raise InputError(f"{path}: is of a run with another {what}; give another -o, or the run's own options")
    restore(tensors, run.network, run.average, run.optimizer)
    run.state = state


def take_step(
    fabric: Fabric,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    images: torch.Tensor,
    masks: torch.Tensor,
) -> float:
    """One step of gradient descent; the loss before it. Raises InputError where that is no number."""
    loss = loss_of(recipe.loss)(model(images), masks)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError(f"the loss is {value}: try a lower learning rate")
    fabric.backward(loss)
    fabric.clip_gradients(model, optimizer, max_norm=recipe.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return value


def epoch_batches(training: list[Frame], recipe: Recipe, epoch: int, fabric: Fabric) -> DataLoader:
    """This process's share of an epoch, in an order that follows from the seed and the epoch."""
    crops = Crops(training, recipe, epoch)
    order: DistributedSampler = DistributedSampler(
        crops, fabric.world_size, fabric.global_rank, seed=recipe.seed, drop_last=False
    )
    order.set_epoch(epoch)
    batch = recipe.phase(epoch).batch
    # one shape for all batches, so that the network is compiled once
    return DataLoader(crops, batch, sampler=order, drop_last=len(order) >= batch)


def validate(network: BiisNet, frames: list[Frame]) -> Metrics:
    """At a threshold of 0.5, each frame at its size."""
    return evaluate([predict(network, f.image) for f in frames], [f.mask for f in frames], 0.5)


def data_digest(*parts: list[Frame]) -> str:
    """SHA-256 of the frames' names and pixels: what a resumed run must find again."""
    digest = hashlib.sha256()
    for frames in parts:
        for frame in frames:
            digest.update(f"{frame.name} {frame.image.shape} ".encode())
            digest.update(frame.image.tobytes())
            digest.update(frame.mask.tobytes())
    return digest.hexdigest()


class Clock:
    """How long a run will still take, from what this part of it has taken."""

    def __init__(self, begun: int, epochs: int) -> None:
        self.begun, self.epochs, self.start = begun, epochs, time.perf_counter()

    def left(self, epoch: float) -> float:
        """Seconds after `epoch` epochs, more than at the beginning."""
        return (time.perf_counter() - self.start) / (epoch - self.begun) * (self.epochs - epoch)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Each group's learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["times"]


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
        return recipe.learning_rate * (epoch + 1e-2) / warmup
    done = (epoch - warmup) / (recipe.epochs - warmup)
    return recipe.learning_rate * (RATE_FLOOR + (1 - RATE_FLOOR) * 0.5 * (1 + math.cos(math.pi * min(done, 1))))
