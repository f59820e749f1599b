# SPDX-License-Identifier: Apache-2.0
"""Scores of detections against what they are."""

import math

import numpy as np
import pytest

from biisnet.model.reliability import picture, reliability, scored


def test_a_detections_score_is_its_highest_probability() -> None:
    probability, truth = np.zeros((30, 30), np.float32), np.zeros((30, 30), bool)
    probability[5, 5:7] = 0.6, 0.9
    probability[20, 20] = 0.3
    probability[25, 5] = 0.04  # none
    truth[5, 6] = True
    assert scored(probability, truth) == [(pytest.approx(0.9), True), (pytest.approx(0.3), False)]


def test_one_target_has_one_detection() -> None:
    """The nearer one, as in Pd; the other is false."""
    probability, truth = np.zeros((30, 30), np.float32), np.zeros((30, 30), bool)
    probability[10, 10], probability[10, 12] = 0.4, 0.8
    truth[10, 10] = True
    assert [hit for _, hit in scored(probability, truth)] == [True, False]


def test_bins_and_their_error() -> None:
    """Four of 0.75, of which three are targets, are calibrated; two of 0.25, both targets, are off by 0.75."""
    probability, truth = np.zeros((10, 100), np.float32), np.zeros((10, 100), bool)
    for column in (10, 20, 30, 40):
        probability[5, column], truth[5, column] = 0.75, column < 40
    for column in (60, 70):
        probability[5, column], truth[5, column] = 0.25, True
    found = reliability([probability], [truth])
    assert [(b.detections, b.score, b.targets) for b in found.bins] == [(2, 0.25, 1.0), (4, 0.75, 0.75)]
    assert found.error == pytest.approx(0.75 * 2 / 6)
    assert found.as_dict()["error"] == found.error
    assert picture(found, "title").startswith(b"\x89PNG")


def test_nothing_found() -> None:
    found = reliability([np.zeros((4, 4), np.float32)], [np.ones((4, 4), bool)])
    assert math.isnan(found.error)
    assert found.as_dict() == {"bins": [], "error": None}
