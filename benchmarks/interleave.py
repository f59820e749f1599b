# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is: all in turn, so that what else the machine does meets all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
MIN_ROUNDS = 3
PAUSE = 0.02
"""Seconds before each turn, in which thread pools that still spin go to sleep."""


def interleave(
    runs: Mapping[Key, Callable[[], float | None]], rounds: int, seconds: float, pause: float = PAUSE
) -> dict[Key, list[float]]:
    """Answers (milliseconds) of each one's turns, round by round; each round begins with the next one.

    Whose answers add up to `seconds` sits out the rest, after MIN_ROUNDS at the earliest; so does who answers None.
    """
    found: dict[Key, list[float]] = {key: [] for key in runs}
    order = list(runs)
    for _ in range(rounds):
        for key in tuple(order):
            times = found[key]
            if len(times) >= MIN_ROUNDS and sum(times) >= seconds * 1e3:
                continue
            time.sleep(pause)
            taken = runs[key]()
            if taken is None:
                order.remove(key)
            else:
                times.append(taken)
        order = [*order[1:], *order[:1]]
    return found
