# SPDX-License-Identifier: Apache-2.0
"""Pasted targets: bright, clear of the others, and where the mask says."""

import numpy as np
import pytest

from biisnet.model.datasets import Frame
from biisnet.model.training.paste import MARGIN, MOST, cutout, cutouts, paste


def frame(level: float = 50, target: float = 90) -> Frame:
    image, mask = np.full((64, 64), level, np.float32), np.zeros((64, 64), bool)
    image[20:24, 30:33] = target
    mask[20:24, 30:33] = True
    return Frame("f", image, mask)


def test_a_cutout_is_the_target_without_its_background() -> None:
    (only,) = cutouts([frame()])
    assert only.mask.shape == (4 + 2 * MARGIN, 3 + 2 * MARGIN)
    np.testing.assert_allclose(only.excess, 40 * only.mask)


def test_a_ramp_goes_out_towards_the_border() -> None:
    """Fails where a pasted target brings a visible square of its own background."""
    rows = np.tile(np.arange(20, dtype=np.float32)[:, None] * 4, (1, 20))
    mask = np.zeros((20, 20), bool)
    mask[9:11, 9:11] = True
    excess = cutout(rows, mask).excess
    border = np.concatenate([excess[0], excess[-1], excess[:, 0], excess[:, -1]])
    assert np.abs(border).max() == 0 < np.abs(excess).max()


def test_targets_that_are_cut_large_or_close_together_stay() -> None:
    edge, large, close = (frame() for _ in range(3))
    edge.mask[0, 5] = True
    large.mask[5:64, 40] = True
    close.mask[22, 36] = True
    assert len(cutouts([edge])) == 1
    assert len(cutouts([large])) == 1
    assert len(cutouts([close])) == 0


@pytest.mark.parametrize("seed", range(10))
def test_pasted(seed: int) -> None:
    donor, other = frame(), frame(level=120)
    image, mask = paste(other.image, other.mask, cutouts([donor]), np.random.default_rng(seed))
    more = mask & ~other.mask
    assert 0 < more.sum() <= MOST * 12
    assert (image[more] > 120 + 0.7 * 40 - 1).all()
    np.testing.assert_array_equal(image[~more], other.image[~more])
    assert (other.mask & mask == other.mask).all()
    assert other.mask.sum() == 12  # the frame itself is as it was


def test_nothing_where_nothing_would_be_seen() -> None:
    white = frame(level=250, target=255)
    image, mask = paste(white.image, white.mask, cutouts([frame()]), np.random.default_rng(0))
    np.testing.assert_array_equal(image, white.image)
    np.testing.assert_array_equal(mask, white.mask)
