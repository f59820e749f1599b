# SPDX-License-Identifier: Apache-2.0
"""Closeness: what is compared with what, as its table says; a step that goes wrong is seen."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.recognise.closeness import TOLERANCE, Closeness


def worst(*runs: tuple[list[list[float]], list[float]], pixels: int) -> float:
    """Of runs of (magnitudes of channels, one row a run; what the first pixel of each channel differs by)."""
    closeness = Closeness()
    for (sizes,), errors in runs:
        a = np.zeros((1, len(sizes), 1, pixels), np.float32)
        a[0, :, 0, -1] = sizes
        b = a.astype(np.float64)
        b[0, :, 0, 0] += errors
        closeness.add(a, b)
    return closeness.worst()


@pytest.mark.parametrize(
    ("pixels", "own", "other", "scale"),
    [
        (64, 0.01, 1, 0.01),  # pixels enough: its own, of this run
        (63, 0.01, 1, 1 / 16),  # another run's, up to a sixteenth of the largest
        (16, 0.01, 0.05, 0.05),
        (16, 0.5, 1, 0.5),  # never less than its own
        (16, 0.01, 0.01, 0.01),  # a channel that is small in all runs is held to that
        (15, 0.01, 0.5, 0.5),
        (15, 0.01, 9, 1),  # no more than the largest of this run
        (15, 0.01, 0.01, 1 / 16),
        (2, 0, 0, 1 / 16),
    ],
)
def test_scale(pixels: int, own: float, other: float, scale: float) -> None:
    """Fails where a channel is compared with more, or less, than the table says."""
    found = worst(([[1.0, own, 1.0]], [0.0, 1e-6, 0.0]), ([[1.0, other, 1.0]], [0.0, 0.0, 0.0]), pixels=pixels)
    assert found == pytest.approx(1e-6 / scale, rel=1e-3)


@pytest.mark.parametrize(("pixels", "scale"), [(1, 1.0), (15, 1.0), (16, 1e-8)])
def test_all_zero_by_chance(pixels: int, scale: float) -> None:
    """Fails where few sums of signs that are all 0 in a run are compared with what rounding made of them."""
    found = worst(([[1e-8, 1e-8]], [1e-8, 0.0]), ([[1.0, 1.0]], [0.0, 0.0]), pixels=pixels)
    assert found == pytest.approx(1e-8 / scale, rel=1e-3)


def test_runs_do_not_lower_each_other() -> None:
    """Fails where a large run hides the difference of a small one, at pixels enough."""
    assert worst(([[1.0]], [2e-5]), ([[1e4]], [0.0]), pixels=64) == pytest.approx(2e-5, rel=1e-3)


@pytest.mark.parametrize("pair", [(np.nan, 0), (0, np.nan), (np.inf, -np.inf), (np.inf, 1), (1, np.inf)])
def test_what_is_not_finite(pair: tuple[float, float]) -> None:
    """Fails where an infinity or NaN on one side passes; on both it is equal."""
    closeness = Closeness()
    a, b = (np.array([[[[v, 1.0]]]]) for v in pair)
    closeness.add(a, b)
    assert closeness.worst() == np.inf > TOLERANCE
    equal = Closeness()
    equal.add(a, a)
    assert equal.worst() == 0


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (2, 0), (1, 3, 4), (1, 3, 4, 5)])
def test_any_rank(shape: tuple[int, ...]) -> None:
    """Fails where an output without channels, or without elements, is not compared."""
    closeness = Closeness()
    closeness.add(np.ones(shape), np.full(shape, 1.5))
    assert closeness.worst() == (0.5 if np.prod(shape) else 0)
    with pytest.raises(ValueError, match="shapes"):
        closeness.add(np.ones(shape), np.ones((*shape, 2)))


def test_underflow() -> None:
    """Fails where a number that is too small for float32's precision is compared with 0 as one is with another."""
    assert worst(([[1.0, 0.0]], [0.0, 1e-44]), pixels=64) < TOLERANCE
    assert worst(([[1.0, 0.0]], [0.0, 1e-30]), pixels=64) > TOLERANCE


def test_nothing() -> None:
    """Fails where a network without outputs that both have is an error of numpy."""
    assert Closeness().worst() == 0


def test_what_a_relu_leaves_little_of() -> None:
    """Fails where a channel that is nearly always below 0 is held to the rounding of what is left of it."""
    summed = np.zeros((1, 2, 1, 64))
    summed[0, :, 0, :2] = [[-2.0, 0.001], [-1.0, 1.0]]
    a = np.maximum(summed, 0)
    b = a + np.where(summed == 0.001, 1e-7, 0)
    for terms, expected in ((None, 1e-4), (summed, 5e-8)):
        closeness = Closeness()
        closeness.add(a, b, terms)
        assert closeness.worst() == pytest.approx(expected, rel=1e-3)
