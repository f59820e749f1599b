# SPDX-License-Identifier: Apache-2.0
"""Frames drawn anew: as wide as sampling theory says, and the same for all networks."""

import numpy as np
import pytest

from benchmarks.resampling import DRAWS, resampled_miou, share_below


def test_spread_of_a_mean() -> None:
    # unions alike: mIoU is the mean of 50 values of 0 and 1, whose standard error is 0.5 / sqrt(50)
    found = resampled_miou([(n % 2, 1) for n in range(50)])
    assert found.shape == (DRAWS,)
    assert np.mean(found) == pytest.approx(0.5, abs=0.01)
    assert np.std(found) == pytest.approx(0.5 / np.sqrt(50), rel=0.05)


def test_networks_share_their_draws() -> None:
    better = [(n + 1, 20) for n in range(10)]
    worse = [(n, 20) for n in range(10)]
    assert share_below(resampled_miou(worse), resampled_miou(better)) == 1  # in every draw, however wide they are
    assert share_below(resampled_miou(better), resampled_miou(better)) == 0.5


def test_frames_without_targets() -> None:
    assert np.isnan(resampled_miou([(0, 0)])).all()
