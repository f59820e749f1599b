# SPDX-License-Identifier: Apache-2.0
"""Scores of detections against what they are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.model.reliability import all_scored, binned, picture, scored


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
    found = binned(*all_scored([probability], [truth]))
    assert [(b.detections, b.score, b.targets) for b in found.bins] == [(2, 0.25, 1.0), (4, 0.75, 0.75)]
    assert found.error == pytest.approx(0.75 * 2 / 6)
    assert found.as_dict()["error"] == found.error
    assert picture(found, "title").startswith(b"\x89PNG")


def frame_of(scores: list[float], hits: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """A frame of detections of one pixel each, too far apart to be taken for one another's target."""
    probability, truth = np.zeros((10, 10 * len(scores) + 10), np.float32), np.zeros((10, 10 * len(scores) + 10), bool)
    for n, (score, hit) in enumerate(zip(scores, hits, strict=True)):
        probability[5, 10 * n + 5], truth[5, 10 * n + 5] = score, hit
    return probability, truth


detections = st.lists(st.tuples(st.floats(0.0625, 1, width=32), st.booleans()), min_size=1, max_size=30)


@given(st.lists(detections, min_size=1, max_size=4))
@settings(deadline=None)
def test_the_error_by_its_definition(frames: list[list[tuple[float, bool]]]) -> None:
    """Naeini's: each detection into one of ten bins, a bin's gap weighted by its share; over all frames at once."""
    found = binned(*all_scored(*zip(*[frame_of([s for s, _ in f], [h for _, h in f]) for f in frames], strict=True)))
    everything = [d for frame in frames for d in frame]
    error = 0.0
    for n in range(10):
        own = [(s, h) for s, h in everything if n / 10 <= s < (n + 1) / 10 or (n == 9 and s == 1)]
        if own:
            gap = abs(sum(h for _, h in own) / len(own) - sum(s for s, _ in own) / len(own))
            error += len(own) / len(everything) * gap
    assert found.error == pytest.approx(error, abs=1e-9)
    assert 0 <= found.error <= 1
    assert sum(b.detections for b in found.bins) == len(everything)
    assert [b.score for b in found.bins] == sorted(b.score for b in found.bins)


def test_what_is_calibrated_has_no_error() -> None:
    """Of scores 0.25, 0.5, 0.75 and 1 as many are targets; of scores that are all too high by a half none are."""
    shares = {0.25: 1, 0.5: 2, 0.75: 3, 1.0: 4}
    scores = [s for s in shares for _ in range(4)]
    probability, truth = frame_of(scores, [n < shares[s] for s in shares for n in range(4)])
    assert binned(*all_scored([probability], [truth])).error == 0
    probability, truth = frame_of([0.5] * 8, [False] * 8)
    assert binned(*all_scored([probability], [truth])).error == 0.5


def test_a_missed_target_is_no_detection() -> None:
    probability, truth = frame_of([0.5, 0.5], [True, False])
    truth[2, 2] = True
    assert binned(*all_scored([probability], [truth])).error == 0


def test_nothing_found() -> None:
    found = binned(*all_scored([np.zeros((4, 4), np.float32)], [np.ones((4, 4), bool)]))
    assert math.isnan(found.error)
    assert found.as_dict() == {"bins": [], "error": None}
