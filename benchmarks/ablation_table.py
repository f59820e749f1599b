# SPDX-License-Identifier: Apache-2.0
"""The paper's Tables 1 to 3 as Markdown, ours beside the paper's, one set of them a budget."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from biisnet.model.training.folds import spread, spreads
from biisnet.model.variants import TABLES, PaperRow

from .ablation_results import Budget, Measured, without_worst
from .resampling import Resampled, resample, share_below
from .table import NONE, grid, number, spoken

TITLES = [
    "",
    "network",
    "seeds",
    "mIoU, %",
    "nIoU, %",
    "Pd, %",
    "Fa, 1e-6",
    "without 3, %",
    "± of frames",
    "below BiisNet, %",
]
"""The last two of mIoU and nIoU, the one before of mIoU without the WORST frames."""
WORST = 3
"""Of 85 frames so many have a third to two thirds of the wrong pixels, whatever the network."""
LAST = ["Params, K", "OPs, G", "paper: mIoU, Pd", "Params, OPs"]
OURS = "biisnet-lite"
"""What the paper calls BiisNet, and the last row of two of its tables."""


def markdown(budgets: list[Budget]) -> str:
    """All budgets, the largest first."""
    ordered = sorted(budgets, key=lambda b: -b.epochs)
    return "\n\n".join(
        "\n\n".join([b.about, *(f"**Table {n}**\n\n{table_of(rows, b)}" for n, rows in TABLES.items())])
        for b in ordered
    )


def table_of(rows: tuple[PaperRow, ...], budget: Budget) -> str:
    """One of the paper's tables."""
    return grid([*TITLES, *LAST], list(lines_of(rows, budget)), numbers=len(TITLES + LAST) - 2)


def lines_of(rows: tuple[PaperRow, ...], budget: Budget) -> Iterator[list[str]]:
    """A line a row that was trained."""
    ours = draws_of(measured_of(OURS, budget))
    for row in rows:
        own = measured_of(row.network, budget)
        if not own:
            continue
        paper = row.paper
        theirs = [f"{paper.miou}, {paper.pd}", f"{paper.params:g}, {paper.ops:.2f}"] if paper else [NONE, NONE]
        cost = [number(own[0].params / 1e3, 2), number(own[0].ops / 1e9, 3)]
        yield [row.title, f"`{row.network}`", *figures(own, None if row.network == OURS else ours), *cost, *theirs]


def measured_of(network: str, budget: Budget) -> list[Measured]:
    """Its figures, one a seed."""
    return [m for m in budget.networks if m.network == network]


def figures(own: list[Measured], ours: Resampled | None) -> list[str]:
    """Seeds, the metrics with their spread over these, and what other frames would do to mIoU and nIoU."""
    found = spreads([m.metrics for m in own])
    metrics = [spoken(found[name], scale) for name, scale in (("miou", 100), ("niou", 100), ("pd", 100), ("fa", 1e6))]
    drawn = draws_of(own)
    rest = spoken(spread([without_worst(m.overlaps, WORST) for m in own]), 100) if drawn else NONE
    return [str(len(own)), *metrics, rest, width_of(drawn), how_often_below(drawn, ours)]


def width_of(drawn: Resampled | None) -> str:
    """Standard deviation of mIoU and nIoU over draws of frames."""
    if drawn is None:
        return NONE
    found = [spread(values.tolist()).deviation for values in (drawn.miou, drawn.niou)]
    return ", ".join(number(100 * value, 1) for value in found)


def how_often_below(drawn: Resampled | None, ours: Resampled | None) -> str:
    """In how many of a hundred draws mIoU and nIoU are below BiisNet's."""
    if drawn is None or ours is None:
        return NONE
    pairs = ((drawn.miou, ours.miou), (drawn.niou, ours.niou))
    return ", ".join(number(100 * share_below(own, other), 0) for own, other in pairs)


def draws_of(own: list[Measured]) -> Resampled | None:
    """mIoU and nIoU over draws of frames, the mean over seeds; None where frames were not kept."""
    if not own or not all(m.overlaps for m in own):
        return None
    found = [resample(m.overlaps) for m in own]
    return Resampled(np.mean([f.miou for f in found], axis=0), np.mean([f.niou for f in found], axis=0))
