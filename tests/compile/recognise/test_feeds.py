# SPDX-License-Identifier: Apache-2.0
"""Numbers that the proof feeds: each threshold and its neighbours, within what may be there."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto

from biisnet.compile.recognise.feeds import LARGE, MODERATE, RUNS, SMALL, around, feeds


def place(thresholds: list[list[float]], low: float = -np.inf, high: float = np.inf) -> SimpleNamespace:
    """A map of two channels of many pixels."""
    rows = np.array(thresholds, np.float32)
    return SimpleNamespace(name="m", shape=(1, 2, 40, 40), range=(low, high), thresholds=rows)


def fed(where: SimpleNamespace, is_approximate: bool = False, never: dict | None = None) -> dict[str, list[np.ndarray]]:
    """Kind -> values of its runs."""
    found: dict[str, list[np.ndarray]] = {}
    for kind, _, (values,) in feeds([], [where], is_approximate, never or {}):
        found.setdefault(kind, []).append(values)
    return found


def test_thresholds_of_each_channel() -> None:
    """Fails where a channel's threshold, or a number beside it, is never fed; or another channel's is."""
    runs = fed(place([[0.25, -3.0], [7.0, np.inf]]))
    for values in runs["thresholds"]:
        for channel, thresholds in enumerate(([0.25, 7.0], [-3.0])):
            here = set(values[0, channel].ravel().tolist())
            for t in np.float32([0, *thresholds]):
                beside = (np.nextafter(t, np.float32(s * np.inf)) if t else s * SMALL for s in (-1, 1))
                around_it = {t, -t, t + 1, t - 1, *beside}
                assert {float(v) for v in around_it} <= here
            assert np.abs(values[0, channel]).max() <= 8
    assert not np.isin(np.float32([0.25, 7.0]), runs["thresholds"][0][0, 1]).any()


@pytest.mark.parametrize(("is_approximate", "most"), [(False, LARGE), (True, MODERATE)])
def test_large_ones_apart(is_approximate: bool, most: float) -> None:
    """Fails where a number beside which a step's error is rounding is fed with the thresholds."""
    runs = fed(place([[0.5, 1.0]]), is_approximate)
    largest = {kind: max(np.abs(v).max() for v in values) for kind, values in runs.items()}
    assert largest["large"] == most
    assert largest["thresholds"] == 2


def test_range() -> None:
    """Fails where a number is fed that a Relu or a Clip before it never gives."""
    for values in fed(place([[2.0, -1.0]], 0.0, 6.0)).values():
        assert min(v.min() for v in values) >= 0
        assert max(v.max() for v in values) <= 6


def test_decided() -> None:
    """Fails where a number that the user has decided on is compared, or another threshold of the map is not."""
    where = place([[0.0, 0.0], [0.25, 0.5]])
    for kind, runs in fed(where, never={"m": [np.zeros(1, np.float32)]}).items():
        assert all((v != 0).all() for v in runs)
        for value in (0.25, np.nextafter(np.float32(0.25), np.float32(0))) if kind != "normal" else ():
            assert all((v[0, 0] == value).any() for v in runs)


def test_decided_within_a_range() -> None:
    """Fails where what stands for a decided number is one that is never there."""
    for runs in fed(place([[0.5, 0.5]], 0.0, 1.0), never={"m": [np.full(1, 0.5, np.float32)]}).values():
        assert all(((v != 0.5) & (v <= 1)).all() for v in runs)


def test_images_and_kinds() -> None:
    """Fails where a kind of image or of numbers is left out, bytes are none, or runs are not the same again."""
    inputs = [("x", (1, 3, 4, 5), TensorProto.UINT8), ("y", (1, 1, 4, 5), TensorProto.FLOAT)]
    first, again = (list(feeds(inputs, [place([[1.0, 2.0]])], False, {})) for _ in range(2))
    assert {kind for kind, _, _ in first} == {"normal", "thresholds", "large"}
    assert {image for image, _ in RUNS} == {"grey levels", "normal", "zeros", "edges"}
    for (_, a, at_a), (_, b, at_b) in zip(first, again, strict=True):
        assert (a["x"].dtype, a["y"].dtype) == (np.uint8, np.float32)
        for left, right in zip((*a.values(), *at_a), (*b.values(), *at_b), strict=True):
            np.testing.assert_array_equal(left, right)


def test_nothing_that_underflows() -> None:
    """Fails where a number is fed whose hundredth is 0: Sign(x / 100) is not Sign(x) for it."""
    tiny = float(np.nextafter(np.float32(0), np.float32(1)))  # the threshold of x > 0
    for values in fed(place([[0.0, 0.0], [tiny, tiny]])).values():
        assert all(((np.abs(v) >= SMALL) | (v == 0)).all() for v in values)


def test_unreached_thresholds() -> None:
    """Fails where a channel without a threshold takes those of the others with it."""
    rows = around(np.array([[np.inf, 3.0], [-np.inf, 1e35]], np.float32), 0.0)
    assert np.isfinite(rows).all()
    assert 3.0 in rows[:, 1]
