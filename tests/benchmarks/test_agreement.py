# SPDX-License-Identifier: Apache-2.0
"""Results beside ONNX Runtime's."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.agreement import Agreement, agreement, difference, equal_pixels
from benchmarks.case import Case

REFERENCE = np.array([[0.1, 0.9], [0.4, 0.6]], np.float32)


def test_equal_pixels() -> None:
    assert equal_pixels(REFERENCE[None, None] + np.float32(0.2), REFERENCE, 0.5) == 0.75


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 4, 1, 1)])
def test_difference_is_of_the_largest_magnitude(shape: tuple[int, ...]) -> None:
    """Fails where a form of the same numbers differs, or a small number's difference is measured by itself."""
    reference = np.array([0.001, -2.0, 1.0, 0.5], np.float32)
    found = (reference + np.array([0.1, 0, 0, 0], np.float32)).reshape(shape)
    assert difference(found, reference.reshape(1, 4)) == pytest.approx(0.05)


def test_another_count_of_numbers_is_no_result() -> None:
    with pytest.raises(ValueError, match="has 3 numbers, ONNX Runtime's 4"):
        difference(np.zeros(3, np.float32), np.zeros(4, np.float32))


def test_difference_of_zeros() -> None:
    assert difference(np.zeros(2, np.float32), np.zeros(2, np.float32)) == 0.0


def test_masks_of_shipped_networks_numbers_of_others() -> None:
    """Fails where a row of scores has a share of pixels, or one of a mask none."""
    found = REFERENCE + np.float32(0.2)
    assert agreement(Case("biisnet-lite", 2, 2), found, REFERENCE) == Agreement(equal_pixels=0.75)
    of_file = agreement(Case("net", 2, 2, file="net.onnx"), found, REFERENCE)
    assert of_file.equal_pixels is None
    assert of_file.difference == pytest.approx(0.2 / 0.9)
