# SPDX-License-Identifier: Apache-2.0
"""What a candidate is expected to cost, from what was measured: a cost model for spaces of a few decisions.

The logarithm of the time is taken as a sum of one effect for each decision, by ridge regression. Trees (XGBoost, which
MetaSchedule has) need hundreds of measurements and features of loop nests, of which there are none here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple

import numpy as np
import numpy.typing as npt
from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms

from ..ir.schedule import Schedule
from .space import schedule_of

RIDGE = 0.1
"""Weight of the prior that a decision makes no difference."""


@derived_object
class AdditiveModel(ms.cost_model.PyCostModel):
    """One model a task, of what is `known`: (key, schedule) -> seconds, or None for a rejected one.

    Scores are speeds, and 0 for known candidates: to measure those again tells nothing. (Below 0 is 0 to MetaSchedule.)
    """

    def __init__(self, known: Mapping[tuple[str, Schedule], float | None]) -> None:
        super().__init__()
        self.known = known

    def load(self, path: str) -> None:
        """What it knows is in the records."""

    def save(self, path: str) -> None:
        """What it knows is in the records."""

    def update(
        self,
        context: ms.TuneContext,
        candidates: list[ms.search_strategy.MeasureCandidate],
        results: list[ms.runner.RunnerResult],
    ) -> None:
        """What was measured is known already; nobody calls this."""

    def predict(
        self, context: ms.TuneContext, candidates: list[ms.search_strategy.MeasureCandidate]
    ) -> npt.NDArray[np.float64]:
        """A score for each candidate."""
        key, schedules = context.task_name, [schedule_of(c.sch) for c in candidates]
        measured = [(s, seconds) for (k, s), seconds in self.known.items() if k == key and seconds is not None]
        scores = predict_scores(measured, schedules)
        return np.where([(key, s) in self.known for s in schedules], 0.0, np.exp(scores))


def predict_scores(measured: list[tuple[Schedule, float]], asked: list[Schedule]) -> npt.NDArray[np.float64]:
    """Expected -log(seconds), less the mean of what was measured; [len(asked)]."""
    if not measured:
        return np.zeros(len(asked))
    decisions = sorted({pair for s in [*(m for m, _ in measured), *asked] for pair in enumerate(astuple(s))})
    index = {pair: n for n, pair in enumerate(decisions)}

    def features(schedules: list[Schedule]) -> npt.NDArray[np.float64]:
        rows = np.zeros((len(schedules), len(index)))
        for row, schedule in zip(rows, schedules, strict=True):
            row[[index[pair] for pair in enumerate(astuple(schedule))]] = 1
        return rows

    x, y = features([m for m, _ in measured]), -np.log([seconds for _, seconds in measured])
    effects = np.linalg.solve(x.T @ x + RIDGE * np.eye(len(index)), x.T @ (y - y.mean()))
    scores: npt.NDArray[np.float64] = features(asked) @ effects
    return scores
