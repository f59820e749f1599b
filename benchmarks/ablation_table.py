# SPDX-License-Identifier: Apache-2.0
"""The paper's Tables 1 to 3 as Markdown, ours beside the paper's, one set of them a budget."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from biisnet.model.training.folds import spread, spreads
from biisnet.model.variants import TABLES, PaperRow

from .ablation_results import Budget, Measured
from .resampling import F64, resampled_miou, share_below
from .table import NONE, grid, number, spoken

TITLES = ["", "network", "seeds", "mIoU, %", "nIoU, %", "Pd, %", "Fa, 1e-6", "± of frames", "below BiisNet, %"]
LAST = ["Params, K", "OPs, G", "paper: mIoU, Pd", "Params, OPs"]
OURS = "biisnet-lite"
"""What the paper calls BiisNet, and the last row of two of its tables."""


def markdown(budgets: list[Budget]) -> str:
    """All budgets, the largest first."""
    ordered = sorted(budgets, key=lambda b: -b.recipe["epochs"])
    return "\n\n".join(
        "\n\n".join([b.about, *(f"**Table {n}**\n\n{table_of(rows, b)}" for n, rows in TABLES.items())])
        for b in ordered
    )


def table_of(rows: tuple[PaperRow, ...], budget: Budget) -> str:
    """One of the paper's tables."""
    return grid([*TITLES, *LAST], list(lines_of(rows, budget)), numbers=len(TITLES + LAST) - 2)


def lines_of(rows: tuple[PaperRow, ...], budget: Budget) -> Iterator[list[str]]:
    """A line a row."""
    best = draws_of(of(OURS, budget))
    for row in rows:
        own = of(row.network, budget)
        paper = row.paper
        theirs = [f"{paper.miou}, {paper.pd}", f"{paper.params:g}, {paper.ops:.2f}"] if paper else [NONE, NONE]
        cost = [number(own[0].params / 1e3, 2), number(own[0].ops / 1e9, 3)] if own else [NONE, NONE]
        yield [row.title, f"`{row.network}`", *figures(own, best if row.network != OURS else None), *cost, *theirs]


def of(network: str, budget: Budget) -> list[Measured]:
    """Its figures, one a seed."""
    return [m for m in budget.networks if m.network == network]


def figures(own: list[Measured], best: F64 | None) -> list[str]:
    """Seeds, the metrics with their spread over these, and what other frames would do to mIoU."""
    if not own:
        return [NONE] * 7
    found = spreads([m.metrics for m in own])
    metrics = [spoken(found[name], scale) for name, scale in (("miou", 100), ("niou", 100), ("pd", 100), ("fa", 1e6))]
    drawn = draws_of(own)
    frames = NONE if drawn is None else f"{100 * spread(list(drawn)).deviation:.1f}"
    below = NONE if drawn is None or best is None else f"{100 * share_below(drawn, best):.0f}"
    return [str(len(own)), *metrics, frames, below]


def draws_of(own: list[Measured]) -> F64 | None:
    """mIoU over draws of frames, the mean over seeds; None where frames were not kept."""
    if not own or not all(m.overlaps for m in own):
        return None
    mean: F64 = np.mean([resampled_miou(m.overlaps) for m in own], axis=0)
    return mean
