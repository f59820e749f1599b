# SPDX-License-Identifier: Apache-2.0
"""A run's history to look at: history.csv, a row an epoch, curves.png, and TensorBoard's log where asked."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path

from ..errors import InputError
from ..figures import figure_png
from ..files import write_whole
from ..metrics import Metrics

FIELDS = ("epoch", "learning_rate", "loss", "seconds", "miou", "niou", "pd", "fa")
TABLE, CURVES, TENSORBOARD = "history.csv", "curves.png", "tensorboard"
Row = dict[str, str]


class History:
    """The rows of the epochs that are done; the files are replaced whole after each."""

    def __init__(self, folder: Path, epochs: int, tensorboard: bool = False) -> None:
        """Goes on after `epochs` epochs: what a killed run had written beyond its checkpoint is dropped."""
        self.board = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / TENSORBOARD), purge_step=epochs + 1)
        self.table, self.plot = folder / TABLE, folder / CURVES
        self.rows: list[Row] = []
        if epochs and self.table.exists():
            with self.table.open(newline="") as file:
                rows = list(csv.DictReader(file))
            try:
                self.rows = [
                    {field: row[field] or "" for field in FIELDS} for row in rows if int(row["epoch"]) <= epochs
                ]
            except (KeyError, TypeError, ValueError) as e:
                raise InputError(f"{self.table}: is not as a run writes it; move it away to go on without it") from e

    def add(self, epoch: int, rate: float, loss: float, seconds: float, metrics: Metrics | None) -> None:
        """A row; `metrics` where the epoch was validated."""
        values = {"epoch": epoch, "learning_rate": rate, "loss": loss, "seconds": seconds}
        values |= asdict(metrics) if metrics else {}
        if self.board:
            for key, value in values.items():
                self.board.add_scalar(key, value, epoch)
            self.board.flush()
        self.rows.append({key: f"{values[key]:.6g}" if key in values else "" for key in FIELDS})
        text = io.StringIO()
        writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.table, text.getvalue().encode())
        if metrics:
            write_whole(self.plot, draw(self.rows))


def draw(rows: list[Row]) -> bytes:
    """The loss and the validation's figures over the epochs, as PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 8), layout="constrained")
    above, middle, below = figure.subplots(3, sharex=True)
    above.plot([int(r["epoch"]) for r in rows], [float(r["loss"]) for r in rows], color="tab:gray")
    above.set_ylabel("training loss")
    validated = [r for r in rows if r["miou"]]
    for key, label in (("miou", "mIoU"), ("niou", "nIoU"), ("pd", "Pd")):
        middle.plot([int(r["epoch"]) for r in validated], [100 * float(r[key]) for r in validated], ".-", label=label)
    middle.set(ylabel="validation, %", ylim=(-2, 102))
    middle.legend(loc="lower right")
    below.plot([int(r["epoch"]) for r in validated], [1e6 * float(r["fa"]) for r in validated], ".-", color="tab:red")
    below.set(xlabel="epoch", ylabel="Fa, pixels of a million", ylim=(0, None))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (middle, below):
        axes.grid(alpha=0.3)
    return figure_png(figure)
