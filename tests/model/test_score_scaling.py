# SPDX-License-Identifier: Apache-2.0
"""Slope and offset from detections that are drawn by known ones."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.optimize import minimize

from biisnet.model.errors import InputError
from biisnet.model.reliability import all_scored, binned
from biisnet.model.score_scaling import Scaling, fit_scores
from biisnet.runtime.platt import UNSCALED, Platt, logit

from .test_reliability import frame_of


def drawn(true: Platt, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of an overconfident network, and which are targets, by the true share."""
    rng = np.random.default_rng(seed)
    peaks = (1 / (1 + np.exp(-rng.normal(6, 6, count).clip(-2.9, 16)))).astype(np.float32).astype(float)
    return peaks, rng.random(count) < true.score(peaks)


@pytest.mark.parametrize("true", [Platt(0.4, -3), Platt(0.8, 0.5), Platt(2, -9), UNSCALED])
def test_what_detections_were_drawn_by(true: Platt) -> None:
    """Within what chance leaves, and then scores are shares; of what is calibrated they stay so."""
    found = fit_scores(*drawn(true, 20000), UNSCALED)
    assert found.scores.slope == pytest.approx(true.slope, rel=0.08)
    assert found.scores.offset == pytest.approx(true.offset, rel=0.08, abs=0.08)
    assert found.after < 0.015
    if true != UNSCALED:
        assert found.before > 2 * found.after
    assert binned(*drawn(true, 20000, seed=1), found.scores).error < 0.02


def test_it_is_the_minimum_of_platts_sum() -> None:
    """By another method, of the sum as his paper has it."""
    peaks, hits = drawn(Platt(0.5, -2), 80)
    n = hits.sum()
    wanted = np.where(hits, (n + 1) / (n + 2), 1 / (80 - n + 2))

    def loss(x: np.ndarray) -> float:
        s = 1 / (1 + np.exp(-(x[0] * logit(peaks) + x[1])))
        return float(-np.sum(wanted * np.log(s) + (1 - wanted) * np.log(1 - s)))

    best = minimize(loss, [0.5, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x
    scores = fit_scores(peaks, hits, UNSCALED).scores
    assert (scores.slope, scores.offset) == pytest.approx(tuple(best), rel=1e-5)


def test_six_digits_are_all() -> None:
    """What is printed is what ECE is of, and what a bundle is given; the same detections give the same."""
    found = fit_scores(*drawn(Platt(0.4, -3), 500), UNSCALED)
    slope, offset = re.findall(r"slope (\S+), offset (\S+),", found.summary())[0]
    assert Platt.parse(f"{slope},{offset}") == found.scores
    assert len(slope.strip("0.").replace(".", "")) <= 6
    assert found == fit_scores(*drawn(Platt(0.4, -3), 500), UNSCALED)
    assert found.as_dict() == {
        "slope": float(slope),
        "offset": float(offset),
        "detections": 500,
        "targets": found.targets,
        "error_before": found.before,
        "error_after": found.after,
    }


def test_before_is_with_the_models_own() -> None:
    """The fit is of probabilities, whatever scores they had."""
    peaks, hits = drawn(Platt(0.4, -3), 2000)
    first = fit_scores(peaks, hits, UNSCALED)
    again = fit_scores(peaks, hits, first.scores)
    assert again == Scaling(first.scores, 2000, first.targets, first.after, first.after)


def test_what_a_logit_parts_without_a_mistake() -> None:
    """A finite slope, by the smoothed shares; probabilities of 1 too."""
    peaks, hits = np.array([0.25, 0.5, 0.75, 1.0, 1.0]), np.array([False, False, True, True, True])
    found = fit_scores(peaks, hits, UNSCALED)
    assert 0 < found.scores.slope < 100
    low, high = found.scores.score(peaks[[0, 4]])
    assert 0 < low < 0.5 < high < 1


@pytest.mark.parametrize(
    ("peaks", "hits", "message"),
    [
        ([], [], "none of 0 detections is a target"),
        ([0.5, 0.9], [False, False], "it takes both, and none of 2 detections is a target; give more frames"),
        ([0.5, 0.9], [True, True], "none of 2 detections is a false alarm"),
        ([0.9, 0.9, 0.9], [True, True, False], "all detections have one probability"),
        ([0.6, 0.7, 0.8, 0.9], [True, True, False, False], "of the more probable detections fewer are targets"),
    ],
)
def test_what_tells_no_scores(peaks: list[float], hits: list[bool], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        fit_scores(np.array(peaks, float), np.array(hits, bool), UNSCALED)
    assert str(caught.value).startswith("--fit-scores: ")
    assert "\n" not in str(caught.value)


def test_one_of_each_is_enough() -> None:
    found = fit_scores(np.array([0.5, 0.9]), np.array([False, True]), UNSCALED)
    assert (found.detections, found.targets) == (2, 1)


def test_reliability_of_scaled_scores() -> None:
    """The same detections, in the bins of their new scores."""
    probability, truth = frame_of([0.9, 0.9, 0.5], [True, False, False])
    scores = Platt(0.5, -1)
    found = binned(*all_scored([probability], [truth]), scores)
    low, high = sorted({float(s) for s in scores.score(np.float32([0.9, 0.5]))})
    assert [(b.score, b.detections) for b in found.bins] == [(pytest.approx(low), 1), (pytest.approx(high), 2)]
    assert found.error == pytest.approx((low + 2 * abs(0.5 - high)) / 3)


def test_probabilities_that_are_almost_one() -> None:
    """Six digits of slope and offset would not tell the scores."""
    with pytest.raises(InputError, match=r"^--fit-scores: the detections' probabilities are too close together"):
        fit_scores(np.array([0.7, 0.7000001]), np.array([False, True]), UNSCALED)
