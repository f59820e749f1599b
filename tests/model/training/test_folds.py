# SPDX-License-Identifier: Apache-2.0
"""Folds: every frame is held out once; mean and spread."""

import math

import pytest

from biisnet.model.errors import InputError
from biisnet.model.scenes import scenes
from biisnet.model.training.folds import folds, spread


def test_every_frame_is_held_out_once() -> None:
    frames = scenes(11, 8, 8)
    parts = folds(frames, 3)
    held = [f.name for _, own in parts for f in own]
    assert sorted(held) == [f.name for f in frames]
    assert held != sorted(held)  # frames of one scene follow each other in lists
    assert sorted(len(own) for _, own in parts) == [3, 4, 4]
    for rest, own in parts:
        assert not {f.name for f in rest} & {f.name for f in own}
        assert len(rest) + len(own) == 11
    assert [[f.name for f in own] for _, own in folds(frames, 3)] == [[f.name for f in own] for _, own in parts]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_folds_that_are_none(count: int) -> None:
    with pytest.raises(InputError, match=f"4 frames: {count} folds"):
        folds(scenes(4, 8, 8), count)


def test_spread() -> None:
    assert spread([1.0, 3.0, math.nan]).mean == 2
    assert spread([1.0, 3.0]).deviation == pytest.approx(math.sqrt(2))
    assert math.isnan(spread([1.0]).deviation)
    assert math.isnan(spread([]).mean)
