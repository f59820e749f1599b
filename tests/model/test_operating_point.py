# SPDX-License-Identifier: Apache-2.0
"""Thresholds for a budget of false alarms."""

from typing import Any

import numpy as np
import pytest

from biisnet.model.errors import InputError
from biisnet.model.operating_point import operating_point


def case() -> tuple[list[Any], list[Any]]:
    """A target of 0.9, false alarms of one pixel at 0.3, 0.7 and 0.8, of 1000 pixels."""
    probability, mask = np.zeros((20, 50), np.float32), np.zeros((20, 50), bool)
    mask[2, 2] = True
    probability[2, 2] = 0.9
    for column, value in ((10, 0.3), (20, 0.7), (30, 0.8)):
        probability[10, column] = value
    return [probability], [mask]


@pytest.mark.parametrize(("alarms", "low", "high"), [(0, 0.8, 0.9), (1, 0.7, 0.8), (2, 0.3, 0.7), (3, 0, 0.3)])
def test_the_lowest_threshold_within_the_budget(alarms: int, low: float, high: float) -> None:
    point = operating_point(*case(), alarms / 1000)
    assert np.float32(low) <= point.threshold < np.float32(high)
    assert point.metrics.fa == pytest.approx(alarms / 1000)
    assert point.metrics.pd == 1


@pytest.mark.parametrize(("alarm", "target"), [(0.57, 0.61), (0.9999998, 0.9999999)])
def test_a_target_a_little_surer_than_an_alarm(alarm: float, target: float) -> None:
    """Fails where thresholds are looked at in steps that a target and a false alarm fall into together."""
    probability, mask = np.zeros((20, 50), np.float32), np.zeros((20, 50), bool)
    mask[2, 2] = True
    probability[2, 2], probability[10, 10], probability[15, 40] = target, alarm, 0.5
    point = operating_point([probability], [mask], 0)
    assert (point.metrics.pd, point.metrics.fa) == (1, 0)
    assert point.threshold == np.float32(alarm)  # no pixel that is as sure as that is above it


def test_what_finds_nothing_is_within_any_budget() -> None:
    probabilities, masks = case()
    point = operating_point([p * 0 for p in probabilities], masks, 0)
    assert point.metrics.pd == 0


def test_a_budget_that_nothing_meets() -> None:
    probabilities, masks = case()
    probabilities[0][15, 15] = 1
    with pytest.raises(InputError, match=r"--fa-budget 0\.0005: no threshold has so few"):
        operating_point(probabilities, masks, 5e-4)


def test_below_a_threshold_where_alarms_run_into_a_target() -> None:
    """Fails where a lower threshold is taken although a higher one exceeds the budget."""
    probabilities, masks = case()
    probabilities[0][2, 6] = 0.8
    probabilities[0][2, 2:7] = np.maximum(probabilities[0][2, 2:7], 0.5)  # joined below 0.5: a detection off by 2
    point = operating_point(probabilities, masks, 1 / 1000)
    assert point.threshold >= 0.7
