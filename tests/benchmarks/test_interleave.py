# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.interleave import MIN_ROUNDS, interleave


def recorder(log: list[str], name: str, answers: Callable[[int], float | None]) -> Callable[[], float | None]:
    def run() -> float | None:
        log.append(name)
        return answers(log.count(name))

    return run


def test_each_round_has_all_and_begins_with_the_next() -> None:
    log: list[str] = []
    found = interleave({n: recorder(log, n, lambda k: k) for n in "abc"}, rounds=4, seconds=1, pause=0)
    assert log == [*"abc", *"bca", *"cab", *"abc"]
    assert found == {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4], "c": [1, 2, 3, 4]}


def test_who_has_used_its_time_sits_out() -> None:
    log: list[str] = []
    runs = {"slow": recorder(log, "slow", lambda k: 1000), "streaming": recorder(log, "streaming", lambda k: 1)}
    found = interleave(runs, rounds=10, seconds=0.5, pause=0)
    assert [len(times) for times in found.values()] == [MIN_ROUNDS, 10]


def test_who_fails_has_no_further_turn() -> None:
    log: list[str] = []
    runs = {"bad": recorder(log, "bad", lambda k: 1 if k == 1 else None), "good": recorder(log, "good", lambda k: 1)}
    found = interleave(runs, rounds=5, seconds=1, pause=0)
    assert found == {"bad": [1], "good": [1] * 5}
    assert log.count("bad") == 2
