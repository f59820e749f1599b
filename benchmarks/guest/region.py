# SPDX-License-Identifier: Apache-2.0
"""The region that the emulator counts: one warm inference, between the two calls of targets/src/roi_plugin.c.

These files run in the arm64 userland, which has numpy and one engine, and not this project.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

START, STOP = 0x41373201, 0x41373202


def measure(open_model: Callable[[str], Callable[[Any], Any]]) -> None:
    """MODEL IMAGE OUTPUT on the command line: warm up, run once more in the region, save the first output."""
    model, image, output = sys.argv[1:]
    frame = np.load(image)
    infer = open_model(model)
    result = infer(frame)
    prctl = ctypes.CDLL(None).prctl
    prctl(START, 0, 0, 0, 0)
    infer(frame)
    prctl(STOP, 0, 0, 0, 0)
    np.save(output, result)
