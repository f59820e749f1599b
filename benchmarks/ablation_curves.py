# SPDX-License-Identifier: Apache-2.0
"""The training losses of an ablation's networks as one picture."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from biisnet.model.figures import figure_png
from biisnet.model.training.history import TABLE

SMOOTHED = 0.1
"""Share of a run's epochs that a point is the mean of: single epochs draw other crops."""


def curves(runs: dict[str, Path]) -> bytes:
    """Loss over epochs of each network, by its run's folder, as PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_prop_cycle(styles())
    for name, folder in runs.items():
        losses = losses_of(folder / TABLE)
        width = max(1, round(SMOOTHED * len(losses)))
        mean = np.convolve(losses, np.full(width, 1 / width), "valid")
        axes.plot(np.arange(width, len(losses) + 1), mean, label=name)
    axes.set(xlabel="epoch", ylabel="training loss, mean of the epochs before")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure_png(figure)


def styles() -> Any:
    """Twenty lines that are told apart: matplotlib's ten colours, drawn through, then dashed."""
    from matplotlib import rcParamsDefault
    from matplotlib.rcsetup import cycler

    return cycler(linestyle=["-", "--"]) * rcParamsDefault["axes.prop_cycle"]


def losses_of(table: Path) -> list[float]:
    """The loss of each epoch."""
    with table.open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]
