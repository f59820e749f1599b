# SPDX-License-Identifier: Apache-2.0
"""Scores of probabilities, by slope and offset."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biisnet.runtime.platt import GREATEST, UNSCALED, Platt, logit

BELOW = np.nextafter(np.float32(1), np.float32(0))
SHARES = np.concatenate([np.random.default_rng(0).random(1000, np.float32), np.float32([0.5, BELOW, 1, 1e-30, 1e-45])])


@pytest.mark.parametrize("scores", [Platt(0.39, -4.2), Platt(1, 1), Platt(3, 0), Platt(1e-6, 0.5)])
def test_by_its_formula(scores: Platt) -> None:
    found = scores.score(SHARES)
    assert found.dtype == np.float32
    for p, score in zip(np.minimum(SHARES, BELOW).astype(float), found, strict=True):
        z = scores.slope * math.log(p / (1 - p)) + scores.offset
        assert score == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-6)
    assert (np.diff(scores.score(np.sort(SHARES))) >= 0).all()


def test_without_it_scores_are_probabilities() -> None:
    """To the last bit, 1 and what is above it too."""
    assert Platt(1, 0) == Platt(1.0, 0.0) == UNSCALED
    np.testing.assert_array_equal(UNSCALED.score(SHARES), SHARES)
    assert float(UNSCALED.score(np.float64(np.float32(0.1)))) == float(np.float32(0.1))


def test_a_probability_of_1() -> None:
    """As the greatest float32 below it; the middle stays where the offset puts it."""
    assert float(BELOW) == GREATEST
    assert logit(1) == logit(BELOW) == pytest.approx(24 * math.log(2))
    assert logit(0.5) == 0
    assert np.isfinite(logit(0))
    scores = Platt(0.1, 0)
    assert scores.score(1) == scores.score(BELOW) < 0.85


def test_numbers_without_bounds() -> None:
    """What is finite is allowed, and no score is NaN."""
    for scores in (Platt(1e308, -1e308), Platt(1e308, 1e308), Platt(5e-324, 0)):
        assert np.isfinite(scores.score(SHARES)).all()
    assert Platt(1e308, 0).score(np.float32([0.25, 0.5, 0.75])).tolist() == [0, 0.5, 1]


def test_as_text() -> None:
    scores = Platt(0.1 + 0.2, -4.24653)
    assert Platt.parse(str(scores)) == scores
    assert Platt.parse("1,0") == UNSCALED


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "0,1", "-1,0", "nan,0", "inf,0", "1,nan", "1,-inf", "1;0"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"scores .*: give SLOPE,OFFSET, finite numbers, the slope above 0"):
        Platt.parse(text)
