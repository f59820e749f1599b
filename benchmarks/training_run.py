# SPDX-License-Identifier: Apache-2.0
"""One training of a comparison: from its start to the network of the last epoch, and what that does on other frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biisnet.model.datasets import Frame, Say
from biisnet.model.errors import InputError
from biisnet.model.metrics import Counts
from biisnet.model.training.recipe import Recipe
from biisnet.model.training.run_files import LAST
from biisnet.tools.train import start_network

if TYPE_CHECKING:
    from biisnet.model.network import BiisNet
    from biisnet.model.training.trainer import Options, Progress

THRESHOLD = 0.5


def options_of(precision: str, compile_: bool) -> Options:
    """How floats are trained. Raises InputError for a precision of other numbers."""
    from biisnet.model.training.trainer import FLOATS, Options

    if precision not in FLOATS:
        raise InputError(f"precision: {precision}, expected {' or '.join(FLOATS)}")
    return Options(precision, compile_)


def train_network(
    title: str,
    start: str,
    recipe: Recipe,
    frames: tuple[list[Frame], list[Frame]],
    folder: Path,
    options: Options,
    say: Say,
) -> BiisNet:
    """Train `start`, a network's name or a checkpoint, on the first frames, or go on with the run in `folder`; the
    average of its weights after the last epoch, whatever the others say of it."""
    import torch

    from biisnet.model.training.trainer import make_fabric, train
    from biisnet.model.weights import load

    def report(p: Progress) -> None:
        if p.step == p.steps and p.metrics is None:
            say(f"{title}: epoch {p.epoch}/{p.epochs}, loss {p.loss:.3f}, {p.seconds_left / 60:.0f} minutes left")

    folder.mkdir(parents=True, exist_ok=True)
    torch.compiler.reset()  # what it keeps of a network's code has a limit, beyond which nothing is compiled
    train(make_fabric(options.precision), start_network(start, recipe), *frames, recipe, folder, options, report)
    return load(folder / LAST)


def measure(title: str, network: BiisNet, frames: list[Frame], say: Say) -> Counts:
    """What it finds in frames at their size."""
    from biisnet.model.predict import predict

    counts = Counts()
    for frame in frames:
        counts.add(predict(network, frame.image) > THRESHOLD, frame.mask)
    say(f"{title}: {counts.metrics().summary()}")
    return counts
