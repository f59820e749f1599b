# SPDX-License-Identifier: Apache-2.0
"""A polite request to end (SIGTERM) becomes an exception, so that what was begun is tidied up."""

from __future__ import annotations

import signal
from types import FrameType


def exit_on_sigterm() -> None:
    """From now on SIGTERM raises SystemExit(143), 128 + 15 as shells count it, in the main thread.

    By default it would end the process where it stands, and leave the hidden folder of an unfinished bundle.
    """
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    # timeout(1) sends it twice, to the process and to its group: the second must not break off the tidying
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)
