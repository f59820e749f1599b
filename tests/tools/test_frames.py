# SPDX-License-Identifier: Apache-2.0
"""Frames at a rate: what comes while the one before is worked on is dropped."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from biisnet.tools.frames import Rate, numbered_otherwise


class Time:
    """A clock that only sleeping and working moves."""

    def __init__(self) -> None:
        self.now = 5.0

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def taken(fps: float, work: Callable[[int], float], count: int) -> tuple[list[int], int, float]:
    """Of `count` frames those that are not dropped, how many are, and how long it all takes."""
    time = Time()
    rate, kept = Rate(fps, lambda: time.now, time.pass_), []
    for n in rate(range(count)):
        kept.append(n)
        time.pass_(work(n))
    return kept, rate.dropped, time.now - 5


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["a/f10.png", "a/f5.png"], ("a/f10.png", "a/f5.png")),
        (["a/f09.png", "a/f10.png", "a/g1.png", "a/g11.png", "a/g2.png"], ("a/g11.png", "a/g2.png")),
        (["a/f05.png", "a/f10.png"], None),
        (["a/10.png", "b/5.png"], None),  # two streams
        (["a/1-10.png", "a/2-5.png", "a/x.png"], None),
        (["camera:1", "camera:0"], ("camera:1", "camera:0")),
    ],
)
def test_numbers_in_another_order_than_names(names: list[str], pair: tuple[str, str] | None) -> None:
    """Fails where a vote is of frames that did not follow each other, with no word."""
    assert numbered_otherwise(names) == pair


def test_fast_enough() -> None:
    kept, dropped, seconds = taken(10, lambda n: 0.05, 20)
    assert (kept, dropped) == (list(range(20)), 0)
    assert seconds == pytest.approx(1.9 + 0.05)  # it waits for each


def test_too_slow() -> None:
    """Work of two and a half frames: each that is taken is the newest one that has come."""
    kept, dropped, seconds = taken(10, lambda n: 0.25, 20)
    assert len(kept) + dropped == 20
    assert {b - a for a, b in itertools.pairwise(kept)} == {2, 3}
    assert len(kept) in (8, 9)  # as rounding has it
    assert seconds == pytest.approx(2, abs=0.3)


def test_a_source_that_is_slower_than_the_rate() -> None:
    """It sets the pace; fails where its lateness is taken for the work's, and frames are dropped for it."""
    time = Time()

    def delivered() -> Iterator[int]:
        for n in range(50):
            time.pass_(1 / 30)
            yield n

    rate, kept = Rate(60, lambda: time.now, time.pass_), []
    for n in rate(delivered()):
        kept.append(n)
        time.pass_(0.001)
    assert (kept, rate.dropped) == (list(range(50)), 0)
    assert time.now - 5 == pytest.approx(50 / 30 + 0.05, rel=0.01)


def test_one_hiccup() -> None:
    """A frame that is late by less than one period is late and not dropped."""
    kept, _, _ = taken(10, lambda n: 0.37 if n == 4 else 0.01, 12)
    assert kept == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
