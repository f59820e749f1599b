# SPDX-License-Identifier: Apache-2.0
"""The training loop on Lightning Fabric, one process or many (torchrun).

Every random choice follows from (seed, epoch, index): a run that was killed and resumed ends with the weights of an
unbroken one. What is validated and kept is the moving average of the weights.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.optim.swa_utils import AveragedModel

from ..datasets import Frame
from ..errors import InputError
from ..files import write_whole
from ..metrics import Metrics, evaluate
from ..network import BiisNet
from ..predict import predict
from ..weights import digest as weights_digest
from ..weights import save
from .arithmetic import Calibrate, Floats, Integers
from .batches import Drawn, data_digest, epoch_batches, require_targets
from .checkpoint import State, read_state, restore, write_checkpoint
from .distillation import Teacher
from .hard import Places, mine, no_places
from .history import History
from .losses import loss_of
from .optimizer import learning_rate, make_average, make_optimizer, set_rate
from .paste import cutouts
from .recipe import INT8, Recipe
from .run_files import BEST, LAST, RECIPE_FILE

BatchLoss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Of images, logits and masks [N, 1, H, W]."""
LOWER_RATE = "try a lower learning rate"
FLOATS = {"float32": "32-true", "bfloat16": "bf16-mixed"}
PRECISIONS = FLOATS | {INT8: FLOATS["float32"]}
"""What Fabric calls them: integers are whole numbers in float32."""


@dataclass(frozen=True)
class Options:
    """How a run is carried out; its result depends on none of it but for rounding."""

    precision: str = "float32"
    """Of convolutions, a key of PRECISIONS."""
    compile: bool = False
    """Fuse the network's work with torch.compile, which needs a C++ compiler."""
    tensorboard: bool = False
    """Write TensorBoard's log beside history.csv."""


@dataclass(frozen=True)
class Progress:
    """After each step; `epoch` and `step` count from 1. Of epoch 0 are the metrics of the network that training in
    integers begins with."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds_left: float
    metrics: Metrics | None = None
    """Given once more after the last step of an epoch that was validated."""


@dataclass
class Run:
    """What changes while training: the network, its average, the optimizer and how far it is."""

    network: BiisNet
    average: AveragedModel | None
    optimizer: torch.optim.Optimizer
    state: State
    hard: Places = field(default_factory=no_places)

    @property
    def kept(self) -> BiisNet:
        """What is validated and shipped."""
        if self.average is None:
            return self.network
        assert isinstance(self.average.module, BiisNet)
        return self.average.module

    def write(self, folder: Path) -> None:
        """The checkpoint first: a run killed before the best network is written has all that it is made of."""
        write_whole(folder / RECIPE_FILE, f"{self.state.recipe.to_json()}\n".encode())
        write_checkpoint(folder / LAST, self.state, self.network, self.average, self.optimizer, self.hard)
        self.write_best(folder)

    def write_best(self, folder: Path) -> None:
        """The network as it is, where it is the best so far."""
        if self.state.epoch == self.state.best_epoch > 0:
            save(self.kept, folder / BEST)


def train(
    fabric: Fabric,
    network: BiisNet,
    training: list[Frame],
    validation: list[Frame],
    recipe: Recipe,
    folder: Path,
    options: Options,
    report: Callable[[Progress], None],
    teacher: Teacher | None = None,
    calibrate: Calibrate | None = None,
) -> State:
    """Train `network` on frames of the recipe's size; a run that is in `folder` already is gone on with.

    The folder gets recipe.json, last.safetensors (everything), best.safetensors (the network with the best validation
    mIoU), history.csv and curves.png.

    A `teacher` is learned from beside the masks. With `calibrate`, which is of the precision int8, the network is
    trained through the roundings of its integer network.

    Raises InputError where the frames have no targets, the folder's run is another one, a step is no number, or a
    network cannot be trained in integers.
    """
    arithmetic = Integers(network, recipe, calibrate) if calibrate else Floats(network)
    require_targets(training, "train")
    require_targets(validation, "validate")
    begun_with = weights_digest(network)
    network.seed = None  # its weights are random no longer
    network.train()
    # all channels of a pixel side by side: convolutions and per-channel work then agree on a layout, without copies
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    data, taught = data_digest(training, validation), teacher.digest() if teacher else ""
    wanted = State(recipe, network.config, data, fabric.world_size, options.precision, taught, begun_with)
    run = begin(network, wanted)
    if (folder / LAST).exists():
        resume(run, folder / LAST)
        if fabric.is_global_zero:
            run.write_best(folder)
    history = History(folder, run.state.epoch, options.tensorboard and fabric.is_global_zero)
    if options.compile:
        network.compile()  # in place: the names of its parameters stay
    model, optimizer = fabric.setup(arithmetic.trained, run.optimizer)
    clock, loss = Clock(run.state.epoch, recipe.epochs), batch_loss(recipe, teacher)
    targets = cutouts(training) if recipe.paste else []
    if arithmetic.from_trained and fabric.is_global_zero and run.state.epoch == 0:
        report(Progress(0, recipe.epochs, 0, 0, 0.0, 0.0, validate(arithmetic.in_use(run.kept, 0), validation)))
    for epoch in range(run.state.epoch, recipe.epochs):
        started = time.perf_counter()
        in_use = arithmetic.begin_epoch(run.kept, epoch, recipe.epochs)
        losses = []
        if recipe.hard and epoch % recipe.hard_every == 0:
            run.hard = fabric.broadcast(mine(in_use, training) if fabric.is_global_zero else no_places())
        batches = epoch_batches(training, recipe, epoch, fabric, Drawn(targets, run.hard))
        network.keep_real(epoch / recipe.epochs < recipe.real_weights)
        for step, (images, masks) in enumerate(batches, 1):
            set_rate(optimizer, learning_rate(recipe, epoch + (step - 1) / len(batches)))
            losses.append(take_step(fabric, model, optimizer, loss, recipe.clip, images, masks))
            if run.average is not None:
                run.average.update_parameters(network)
            left = clock.left(epoch + step / len(batches))
            report(Progress(epoch + 1, recipe.epochs, step, len(batches), losses[-1], left))
        network.keep_real(False)
        last = epoch + 1 == recipe.epochs
        metrics = None
        if fabric.is_global_zero and (last or (epoch + 1) % recipe.validate_every == 0):
            metrics = validate(arithmetic.in_use(run.kept, epoch + 1), validation)
        run.state = replace(run.state, epoch=epoch + 1, seconds=run.state.seconds + time.perf_counter() - started)
        if metrics is not None and metrics.miou >= run.state.best:  # of equal ones the longest trained
            run.state = replace(run.state, best=metrics.miou, best_epoch=epoch + 1)
        if fabric.is_global_zero:
            history.add(epoch + 1, learning_rate(recipe, epoch), float(np.mean(losses)), run.state.seconds, metrics)
            run.write(folder)
        fabric.barrier()
        if metrics is not None:
            left = clock.left(epoch + 1)
            report(
                Progress(epoch + 1, recipe.epochs, len(batches), len(batches), float(np.mean(losses)), left, metrics)
            )
    return run.state


def make_fabric(precision: str) -> Fabric:
    """Joins the processes that torchrun has started; alone without it. `precision` is a key of PRECISIONS."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of the precision, as the caller does
    fabric = Fabric(
        accelerator="cpu",
        devices=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
        num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", "1")),
        precision=PRECISIONS[precision],  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric


def begin(network: BiisNet, state: State) -> Run:
    """A run before its first step."""
    return Run(network, make_average(network, state.recipe.average), make_optimizer(network, state.recipe), state)


def resume(run: Run, path: Path) -> None:
    """Put `run` where a checkpoint is. Raises InputError where that is another run's, or damaged."""
    state, tensors = read_state(path)
    if why := state.is_not(run.state):
        raise InputError(f"{path}: is of a run with {why}; train in another folder, or give the run's own options")
    try:
        run.hard = restore(tensors, run.network, run.average, run.optimizer)
    except (KeyError, RuntimeError) as e:
        raise InputError(f"{path}: no training checkpoint, or a damaged one; give another -o to begin anew") from e
    run.state = state


def batch_loss(recipe: Recipe, teacher: Teacher | None) -> BatchLoss:
    """The recipe's loss, and a teacher's beside it, where there is one."""
    own = loss_of(recipe.loss)
    if teacher is None:
        return lambda _, logits, masks: own(logits, masks)
    return lambda images, logits, masks: own(logits, masks) + recipe.distill * teacher.loss(images, logits)


def take_step(
    fabric: Fabric,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_of_batch: BatchLoss,
    clip: float,
    images: torch.Tensor,
    masks: torch.Tensor,
) -> float:
    """One step of gradient descent; the loss before it. Raises InputError where that or its gradient is no number."""
    loss = loss_of_batch(images, model(images), masks)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError(f"the loss is {value}: {LOWER_RATE}")
    fabric.backward(loss)
    norm = fabric.clip_gradients(model, optimizer, max_norm=clip, error_if_nonfinite=False)
    if norm is None or not torch.isfinite(norm):
        raise InputError(f"the gradient's norm is {norm}: {LOWER_RATE}")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return value


def validate(network: torch.nn.Module, frames: list[Frame]) -> Metrics:
    """At a threshold of 0.5, each frame at its size."""
    return evaluate([predict(network, f.image) for f in frames], [f.mask for f in frames], 0.5)


class Clock:
    """How long a run will still take, from what this part of it has taken."""

    def __init__(self, begun: int, epochs: int) -> None:
        self.begun, self.epochs, self.start = begun, epochs, time.perf_counter()

    def left(self, epoch: float) -> float:
        """Seconds after `epoch` epochs, more than at the beginning."""
        return (time.perf_counter() - self.start) / (epoch - self.begun) * (self.epochs - epoch)
