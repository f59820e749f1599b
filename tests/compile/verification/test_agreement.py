# SPDX-License-Identifier: Apache-2.0
"""How much an output may differ from the reference's, and what is told of it."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.compile.verification.agreement import compare_output

NAN, INF = np.float32(np.nan), np.float32(np.inf)


def picture(side: int = 200) -> np.ndarray:
    """Probabilities [1, side, side], a tenth of the pixels targets."""
    return np.random.default_rng(0).choice(np.array([0.1, 0.9], np.float32), (1, side, side), p=(0.9, 0.1))


@pytest.mark.parametrize(
    ("pixels", "change", "wrong"),
    [
        (40000, lambda y: y + np.float32(5e-4), ""),
        (40000, lambda y: y + np.float32(2e-3), "40000 of 40000 values by more than 0.001"),
        (17, lambda y: y + np.float32(2e-3), "17 of 40000 values by more than 0.001"),
        (16, lambda y: y + np.float32(2e-3), ""),  # a sign has flipped
        (4, lambda y: 1 - y, ""),
        (5, lambda y: 1 - y, "5 of 40000 mask pixels end to end"),
        (1, lambda y: NAN, "1 of 40000 values are NaN on one side only"),
        (17, lambda y: -INF, "17 of 40000 values by more than 0.001"),
    ],
)
def test_what_may_differ(pixels: int, change: object, wrong: str) -> None:
    """Fails where a difference is passed over, or one within rounding error is not."""
    expected = picture()
    dark = np.flatnonzero(expected < 0.5)
    at = dark[:pixels] if pixels < expected.size else slice(None)
    found = expected.copy()
    found.ravel()[at] = change(found.ravel()[at])  # type: ignore[operator]
    assert compare_output(found, expected, 0.5).wrong == wrong
    if wrong and "NaN" not in wrong:
        assert compare_output(expected, found, 0.5).wrong == wrong


def test_nan_and_infinities_that_are_the_references_too() -> None:
    """Fails where what the network itself makes of an image counts as an error."""
    y = picture(4)
    y[0, 0] = (NAN, INF, -INF, 1)
    agreement = compare_output(y.copy(), y, 0.5)
    assert (agreement.wrong, agreement.error, agreement.differing, agreement.pixels) == ("", 0, 0, 16)


def test_large_values_have_large_errors() -> None:
    """Fails where an output that is no probability is held to an absolute error."""
    y = picture(20) * np.float32(1e4)
    assert not compare_output(y + np.float32(1), y, 0.5).wrong
    assert compare_output(y + np.float32(20), y, 0.5).wrong


@pytest.mark.parametrize("threshold", [None, 0.0])
def test_of_integers_nothing_may_differ(threshold: float | None) -> None:
    """Fails where one of many differs unseen, or a difference leaves int16."""
    expected = np.random.default_rng(1).integers(-32768, 32767, (1, 200, 200), endpoint=True).astype(np.int16)
    assert compare_output(expected.copy(), expected, threshold).wrong == ""
    found = expected.copy()
    found[0, 3, 4] += 1 if found[0, 3, 4] < 0 else -1
    agreement = compare_output(found, expected, threshold)
    assert (agreement.wrong, agreement.error) == ("1 of 40000 values, and none may", 1)
    ends = np.array([-32768, 32767, 5], np.int16), np.array([32767, -32768, 5], np.int16)
    agreement = compare_output(*ends, threshold)
    assert (agreement.error, agreement.differing) == (65535, 0 if threshold is None else 2)
    floats = picture()
    assert compare_output(floats + np.float32(1e-7), floats, 0.5).wrong == ""
    assert (
        compare_output(floats + np.float32(1e-7), floats, 0.5, exact=True).wrong
        == "40000 of 40000 values, and none may"
    )


def test_ties_at_the_threshold() -> None:
    """Fails where a pixel that rounding puts on either side of the threshold counts as wrong, or is not told of."""
    expected = np.full((1, 40, 40), 0.5, np.float32)
    agreement = compare_output(np.nextafter(expected, np.float32(1)), expected, 0.5)
    assert (agreement.wrong, agreement.differing, agreement.ties) == ("", 0, 1600)
    agreement = compare_output(expected + np.float32(1e-4), expected, 0.5)
    assert (agreement.wrong, agreement.ties) == ("1600 of 1600 mask pixels end to end", 0)


def test_classes() -> None:
    """Fails where another class first is passed over, or a tie of two is not told of."""
    scores = np.array([0.1, 3.0, 2.9, -1.0], np.float32)
    other = scores.copy()
    other[2] = 3.001
    assert compare_output(other, scores, None, scores=True).wrong == "1 of 4 scores is the highest in place of another"
    assert compare_output(other, scores, None).wrong == ""
    scores[2], other = 3.0, scores.copy()
    other[1], other[2] = 3.0, np.nextafter(np.float32(3), np.float32(4))
    agreement = compare_output(other, scores, None, scores=True)
    assert (agreement.wrong, agreement.ties) == ("", 1)


def test_few_values_where_no_sign_can_flip() -> None:
    """Fails where an output of ten numbers may be all wrong, since so many may always differ."""
    scores = np.arange(10, dtype=np.float32)
    assert compare_output(scores + 1, scores, None).wrong == ""
    assert compare_output(scores + 1, scores, None, may_flip=False).wrong == "10 of 10 values by more than 0.001"


def test_errors_are_relative_to_what_was_summed() -> None:
    """Fails where the numbers of a small channel may be wrong, since those of another are large, or 1 is."""
    expected = np.stack([np.full((4, 4), 1e-3, np.float32), np.full((4, 4), 100, np.float32)])
    found = expected.copy()
    found[0] *= 2
    size = np.array([1e-3, 100], np.float32)[:, None, None]
    assert compare_output(found, expected, None, may_flip=False).wrong == ""
    assert "16 of 32 values" in compare_output(found, expected, None, may_flip=False, magnitude=size).wrong


@pytest.mark.parametrize(
    ("largest", "error", "is_close"), [(1, 9e-6, True), (1, 2e-5, False), (1e3, 2e-3, True), (1e3, 2e-2, False)]
)
def test_what_a_flipped_sign_may_explain(largest: float, error: float, is_close: bool) -> None:
    """Fails where a difference that rounding does not explain is no reason to look for ties."""
    expected = np.zeros((2, 8, 8), np.float32)
    expected[1, 0, 0] = largest
    found = expected.copy()
    found[0, 3, 3] += error
    agreement = compare_output(found, expected, None, may_flip=False)
    assert (agreement.wrong, agreement.is_close) == ("", is_close)
