# SPDX-License-Identifier: Apache-2.0
"""The metrics against cases worked out by hand and against scikit-image's components."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from biisnet.model.metrics import Counts, components, evaluate, match_components, roc
from biisnet.model.scenes import scenes

Mask = npt.NDArray[np.bool_]
MASKS = arrays(bool, (12, 14), elements=st.sampled_from([False] * 5 + [True]))


def mask(*pixels: tuple[int, int]) -> Mask:
    out = np.zeros((16, 16), bool)
    for y, x in pixels:
        out[y, x] = True
    return out


def independent(predicted: Mask, truth: Mask) -> tuple[int, int]:
    """(targets found, pixels of false alarms) with scikit-image: the same rule, another formulation."""
    left = {r.label: r for r in regionprops(label(predicted, connectivity=2))}
    found = 0
    for target in regionprops(label(truth, connectivity=2)):
        near = sorted((float(np.linalg.norm(np.array(r.centroid) - target.centroid)), key) for key, r in left.items())
        if near and near[0][0] < 3:
            del left[near[0][1]]
            found += 1
    return found, sum(int(r.num_pixels) for r in left.values())


@settings(deadline=None)
@given(MASKS, MASKS)
def test_against_scikit_image(predicted: Mask, truth: Mask) -> None:
    counts = Counts()
    counts.add(predicted, truth)
    assert (counts.found, counts.false_pixels) == independent(predicted, truth)
    assert counts.targets == label(truth, connectivity=2).max()
    assert counts.overlaps == [(np.logical_and(predicted, truth).sum(), np.logical_or(predicted, truth).sum())]


@settings(deadline=None)
@given(MASKS)
def test_each_component_is_in_one_list(truth: Mask) -> None:
    predicted = np.roll(truth, 1, axis=1)
    match = match_components(predicted, truth)
    assert len(match.found) + len(match.missed) == len(components(truth))
    assert len(match.found) + len(match.false) == len(components(predicted))


def test_diagonal_neighbours_are_one_target() -> None:
    (one,) = components(mask((1, 1), (2, 2)))
    assert (one.centroid, one.pixels) == ((1.5, 1.5), 2)


@pytest.mark.parametrize(("column", "found"), [(7, 1), (8, 0)])
def test_three_pixels_are_too_far(column: int, found: int) -> None:
    assert len(match_components(mask((5, column)), mask((5, 5))).found) == found


def test_a_detection_is_spent_on_one_target() -> None:
    match = match_components(mask((5, 6)), mask((5, 5), (5, 7)))
    assert (len(match.found), len(match.missed), len(match.false)) == (1, 1, 0)


def test_a_data_set_is_summed_first() -> None:
    """mIoU is not the mean of the images' IoUs; Fa counts whole components."""
    counts = Counts()
    counts.add(mask((1, 1)), mask((1, 1)))
    counts.add(mask((9, 9), (9, 10)), mask((1, 1), (1, 2), (1, 3)))
    counts.add(mask(), mask())
    metrics = counts.metrics()
    assert metrics.miou == pytest.approx(1 / 6)
    assert metrics.niou == pytest.approx((1 + 0 + 1) / 3)
    assert metrics.pd == 0.5
    assert metrics.fa == pytest.approx(2 / (3 * 256))


def test_nothing_to_divide_by() -> None:
    metrics = evaluate([np.zeros((4, 4), np.float32)], [np.zeros((4, 4), bool)], 0.5)
    assert np.isnan(metrics.miou)
    assert np.isnan(metrics.pd)
    assert (metrics.niou, metrics.fa) == (1, 0)
    assert metrics.summary() == "mIoU -, nIoU 100.00 %, Pd -, Fa 0.0e-6"
    assert metrics.as_dict() == {"miou": None, "niou": 1.0, "pd": None, "fa": 0.0}  # JSON has no NaN


def test_sizes_that_differ() -> None:
    with pytest.raises(ValueError, match="masks of"):
        Counts().add(np.zeros((4, 4), bool), np.zeros((4, 5), bool))


def test_roc() -> None:
    probability = np.zeros((16, 16), np.float32)
    probability[2, 2], probability[9, 9] = 0.8, 0.4
    curve = roc([probability], [mask((2, 2))], [0.3, 0.5, 0.9])
    assert [m.pd for _, m in curve] == [1, 1, 0]
    assert [m.fa for _, m in curve] == [1 / 256, 0, 0]


def cases() -> list[tuple[Mask, Mask]]:
    """(prediction, truth) of made-up scenes: masks moved by up to three pixels, some left out, bars beside them."""
    made = []
    for n, frame in enumerate(scenes(24, 96, 80, seed=11)):
        if not frame.mask.any():
            continue
        predicted = np.roll(frame.mask, (n % 4, -(n % 3)), (0, 1))
        if n % 5 == 0:
            predicted[:40] = False
        for k in range(n % 3):
            predicted[90 - 9 * k : 93 - 9 * k, 30 : 62 + k] = True
        made.append((predicted, frame.mask))
    return made


BASIC_IRSTD = {"miou": 0.11842576028622541, "niou": 0.1895086994910507, "pd": 0.6170212765957447}
"""What metrics.py of BasicIRSTD (https://github.com/XinyiYing/BasicIRSTD, commit 41db8c1) computes of `cases`: its
mIoU, the mean of the mIoU of each frame by itself, and its PD_FA."""
BASIC_FALSE_PIXELS = 1993
SAME_AREA = 3
"""Pixels of false alarms of `cases` that it does not count: those as large as a detection that is matched."""


def test_the_fields_own_code() -> None:
    """Fails where figures could not stand beside published ones: equal to the last digit, but for a rule of Fa."""
    counts = Counts()
    dropped = 0
    for predicted, truth in cases():
        match = counts.add(predicted, truth)
        taken = {detection.pixels for _, detection in match.found}
        dropped += sum(c.pixels for c in match.false if c.pixels in taken)
    metrics = counts.metrics().as_dict()
    assert {name: metrics[name] for name in BASIC_IRSTD} == BASIC_IRSTD
    assert (counts.false_pixels, dropped) == (BASIC_FALSE_PIXELS + SAME_AREA, SAME_AREA)
