# SPDX-License-Identifier: Apache-2.0
"""Synthetic scenes: determined by seed and number, with targets that stand out."""

import numpy as np
import pytest

from biisnet.model.errors import InputError
from biisnet.model.metrics import components
from biisnet.model.scenes import scenes
from biisnet.model.source import Source


def test_each_follows_from_its_seed_and_number() -> None:
    few, many = scenes(2, 64, 48, seed=3), scenes(4, 64, 48, seed=3)
    for one, other in zip(few, many[:2], strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.mask, other.mask)
    assert (scenes(1, 64, 48, seed=4)[0].image != few[0].image).any()


def test_unseen_ones_are_other_ones_at_any_seed() -> None:
    drawn = [frame.image for seed in range(3) for frame in scenes(3, 32, 32, seed=seed)]
    for seed in range(3):
        for frame in scenes(3, 32, 32, seed=seed, unseen=True):
            assert all((frame.image != image).any() for image in drawn)


def test_levels_and_targets() -> None:
    frames = scenes(40, 96, 96)
    sizes = [c.pixels for f in frames for c in components(f.mask)]
    assert all(f.image.dtype == np.float32 and f.image.min() >= 0 and f.image.max() <= 255 for f in frames)
    assert all((f.image == np.rint(f.image)).all() for f in frames)
    assert min(sizes) <= 2  # sub-pixel
    assert 20 <= max(sizes) <= 120  # about 9x9, or two that touch
    assert any(not f.mask.any() for f in frames)


def test_a_target_is_brighter_than_its_surroundings() -> None:
    brighter = []
    for frame in scenes(40, 96, 96):
        for component in components(frame.mask):
            y, x = (int(v) for v in component.centroid)
            around = frame.image[max(y - 6, 0) : y + 7, max(x - 6, 0) : x + 7]
            brighter.append(frame.image[y, x] > np.median(around))
    assert np.mean(brighter) > 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 2)])
def test_any_size(size: tuple[int, int]) -> None:
    assert all(f.image.shape == f.mask.shape == size for f in scenes(8, *size))


def test_a_source_is_one_or_the_other() -> None:
    assert len(Source(None, "", 3).read((8, 8), print)) == 3
    with pytest.raises(InputError, match="one of --data DIR"):
        Source(None, "trainval").read((8, 8), print)
