# SPDX-License-Identifier: Apache-2.0
"""Frames drawn anew: as wide as sampling theory says, and the same for all networks."""

import numpy as np
import pytest

from benchmarks.resampling import DRAWS, resample, share_below


def test_spread_of_a_mean() -> None:
    # unions alike: mIoU is the mean of 50 values of 0 and 1, whose standard error is 0.5 / sqrt(50), and so is nIoU
    found = resample([(n % 2, 1) for n in range(50)])
    assert found.miou.shape == (DRAWS,)
    assert np.mean(found.miou) == pytest.approx(0.5, abs=0.01)
    assert np.std(found.miou) == pytest.approx(0.5 / np.sqrt(50), rel=0.05)
    assert found.niou == pytest.approx(found.miou)


def test_large_frames_carry_miou_alone() -> None:
    found = resample([(900, 1000)] + [(1, 10)] * 9)
    assert np.std(found.miou) > 3 * np.std(found.niou) > 0


def test_networks_share_their_draws() -> None:
    better = [(n + 1, 20) for n in range(10)]
    worse = [(n, 20) for n in range(10)]
    assert share_below(resample(worse).miou, resample(better).miou) == 1  # in every draw, however wide they are
    assert share_below(resample(better).miou, resample(better).miou) == 0.5


def test_frames_without_targets() -> None:
    found = resample([(0, 0)])
    assert np.isnan(found.miou).all()
    assert (found.niou == 1).all()


def test_draws_without_a_pixel_say_nothing() -> None:
    """Of frames most of which have no target: in no draw is the better one below."""
    worse, better = (resample([(0, 0)] * 3 + [(both, 10)]).miou for both in (5, 6))
    assert np.isnan(worse).mean() == pytest.approx(0.75**4, abs=0.03)
    assert (share_below(worse, better), share_below(better, worse)) == (1, 0)
    assert np.isnan(share_below(resample([(0, 0)]).miou, worse))
