# SPDX-License-Identifier: Apache-2.0
"""Crops: image and mask move together, and follow from seed, epoch and index alone."""

import numpy as np
import pytest

from biisnet.model.scenes import scenes
from biisnet.model.training.augment import crop, place
from biisnet.model.training.recipe import Recipe


def test_determined_by_seed_epoch_and_index() -> None:
    (frame,) = scenes(1, 64, 64)
    first = crop(frame.image, frame.mask, Recipe(), 32, 1, 2)
    np.testing.assert_array_equal(first, crop(frame.image, frame.mask, Recipe(), 32, 1, 2))
    for other in ((Recipe(), 1, 3), (Recipe(), 2, 2), (Recipe(seed=1), 1, 2)):
        recipe, epoch, index = other
        assert (crop(frame.image, frame.mask, recipe, 32, epoch, index)[0] != first[0]).any()


def test_the_mask_follows_the_image() -> None:
    """The image is the mask, so bright pixels must be the mask's, whatever turns and scales."""
    mask = np.zeros((64, 64), bool)
    mask[20:27, 30:40] = True
    recipe = Recipe(contrast=0, brightness=0, near_target=1)
    for index in range(30):
        image, target = crop(mask * np.float32(200), mask, recipe, 32, 0, index)
        assert image.shape == target.shape == (32, 32)
        assert set(np.unique(target)) <= {0.0, 1.0}
        np.testing.assert_array_equal(image >= 99.9, target > 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 2), (3, 1)])
def test_small_targets_stay(shape: tuple[int, int]) -> None:
    """Fails where a target is in the image and its mask says background."""
    mask = np.zeros((64, 64), bool)
    mask[30 : 30 + shape[0], 40 : 40 + shape[1]] = True
    recipe = Recipe(contrast=0, brightness=0, near_target=1)
    for index in range(100):
        image, target = crop(mask * np.float32(255), mask, recipe, 32, 0, index)
        if image.max() > 60:
            assert target.any(), index
        assert target.sum() <= 4 * mask.sum()


def test_around_targets() -> None:
    mask = np.zeros((200, 200), bool)
    mask[150, 40] = True
    rng = np.random.default_rng(0)
    for _ in range(50):
        top, left = place(mask, 50, rng, 1.0)
        assert top <= 150 <= top + 50
        assert left <= 40 <= left + 50
        assert 0 <= top <= 150
        assert 0 <= left <= 150


def test_crops_larger_than_the_frame() -> None:
    (frame,) = scenes(1, 20, 30)
    image, target = crop(frame.image, frame.mask, Recipe(), 48, 0, 0)
    assert image.shape == target.shape == (48, 48)
    assert np.isfinite(image).all()


def test_around_a_pixel() -> None:
    """The pixel is the only bright one, so it is in every crop that is around it."""
    image = np.zeros((64, 64), np.float32)
    image[5, 60] = 255
    recipe = Recipe(contrast=0, brightness=0)
    for index in range(30):
        seen, _ = crop(image, np.zeros((64, 64), bool), recipe, 24, 0, index, around=(5, 60))
        assert seen.max() > 20
