# SPDX-License-Identifier: Apache-2.0
"""One training of a comparison: from its start to what the network does on frames that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biisnet.model.datasets import Frame, Say
from biisnet.model.metrics import Counts
from biisnet.model.training.recipe import Recipe
from biisnet.model.training.run_files import LAST
from biisnet.tools.train import start_network

if TYPE_CHECKING:
    from biisnet.model.training.trainer import Options, Progress

THRESHOLD = 0.5


def train_and_measure(
    title: str,
    start: str,
    recipe: Recipe,
    frames: tuple[list[Frame], list[Frame]],
    folder: Path,
    options: Options,
    say: Say,
) -> Counts:
    """Train the network `start`, a name or a checkpoint, on the first frames, or go on with the run in `folder`, and
    count what the average of its weights does on the others after the last epoch: nothing is picked by them."""
    import torch

    from biisnet.model.predict import predict
    from biisnet.model.training.trainer import make_fabric, train
    from biisnet.model.weights import load

    def report(p: Progress) -> None:
        if p.step == p.steps and p.metrics is None:
            say(f"{title}: epoch {p.epoch}/{p.epochs}, loss {p.loss:.3f}, {p.seconds_left / 60:.0f} minutes left")

    folder.mkdir(parents=True, exist_ok=True)
    torch.compiler.reset()  # what it keeps of a network's code has a limit, beyond which nothing is compiled
    train(make_fabric(options.precision), start_network(start, recipe), *frames, recipe, folder, options, report)
    network, counts = load(folder / LAST), Counts()
    for frame in frames[1]:
        counts.add(predict(network, frame.image) > THRESHOLD, frame.mask)
    say(f"{title}: {counts.metrics().summary()}")
    return counts
