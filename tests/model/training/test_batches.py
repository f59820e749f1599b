# SPDX-License-Identifier: Apache-2.0
"""What crops show: their own frame, hard negatives of any, made-up scenes."""

import numpy as np

from biisnet.model.datasets import Frame
from biisnet.model.training.batches import Crops, Drawn
from biisnet.model.training.hard import A_FRAME, alarms
from biisnet.model.training.recipe import Phase, Recipe


def test_alarms_are_the_surest_pixels_of_what_is_no_target() -> None:
    probability, mask = np.zeros((40, 40), np.float32), np.zeros((40, 40), bool)
    mask[5, 5] = True
    probability[5, 7] = 0.9  # beside the target: its own
    probability[20, 20:23] = 0.4, 0.8, 0.3
    probability[30, 10] = 0.5
    probability[35, 35] = 0.1  # no doubt about it
    assert alarms(probability, mask) == [(20, 21), (30, 10)]


def test_no_more_than_a_few_a_frame() -> None:
    probability = np.zeros((64, 64), np.float32)
    probability[::4, ::4] = 0.9
    assert len(alarms(probability, np.zeros((64, 64), bool))) == A_FRAME


def test_crops_around_them() -> None:
    """Fails where a crop shows another frame than the one that the false alarm was in."""
    dark, lit = (np.zeros((64, 64), np.float32) for _ in range(2))
    lit[10, 50] = 255
    frames = [Frame("dark", dark, dark > 0), Frame("lit", lit, dark > 0)]
    recipe = Recipe(phases=(Phase(0, 24, 2),), contrast=0, brightness=0, hard=1)
    crops = Crops(frames, recipe, 3, Drawn(hard=np.array([[1, 10, 50]])))
    assert all(image.max() > 20 and not mask.any() for image, mask in (crops[0], crops[1]))
    assert Crops(frames, recipe, 3)[0][0].max() == 0


def test_scenes_instead_of_frames() -> None:
    black = np.zeros((64, 64), np.float32)
    recipe = Recipe(phases=(Phase(0, 24, 2),), size=(64, 64), contrast=0, brightness=0, scenes=0.5, paste=1)
    crops = Crops([Frame("black", black, black > 0)] * 40, recipe, 0)
    made_up = [bool(image.max() > 0) for image, _ in crops]
    assert 10 < sum(made_up) < 30
    assert [bool(image.max() > 0) for image, _ in Crops(crops.frames, recipe, 1)] != made_up
