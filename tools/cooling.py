# SPDX-License-Identifier: Apache-2.0
"""The wait for a device that is too hot to be timed."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..model.datasets import Say
from ..targets.facts import HEAT, Facts

HOT, COOL = 75.0, 65.0
"""Degrees Celsius: above HOT it is waited until COOL. The Raspberry Pi's firmware lowers the clock from 80 on."""
PATIENCE, PAUSE = 300.0, 5.0
"""Seconds that it is waited at most, and between two looks."""


def wait_until_cool(
    facts: Callable[[], Facts],
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Where a device is too hot, or its firmware says so, until it is cool; PATIENCE seconds at most."""
    waited, limit = 0.0, HOT
    while waited < PATIENCE:
        now = facts()
        hot = now.degrees is not None and now.degrees > limit
        if not hot and HEAT not in now.troubles:
            return
        if not waited:
            say(f"waiting for the device to cool down: {now.summary()}")
        limit = COOL
        sleep(PAUSE)
        waited += PAUSE
    say(f"the device did not cool down within {PATIENCE / 60:.0f} minutes")
