# SPDX-License-Identifier: Apache-2.0
"""Signs of a map beside itself are stored once: those of concat(two_slope(v; p, n), two_slope(v; p', n')).

That is what a DownSample makes, in whose second half are the slopes' own copies of the first. The binary convolution
that reads them counts both copies at once (kernels/packed_weights.py), and the stage computes its branches side by
side, what they have in common once. After drop_sign_preserving_two_slope, which leaves v of both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir.stages import Program, Stage
from ..storage import Bits
from ..storage.encoding import BLOCK

COPIES = 2


def store_twins_once(program: Program) -> Program:
    """Make one copy of all packed outputs whose two branches are the same value."""
    missed = program.missed.setdefault("store_twins_once", {})
    for stage in program.stages:
        packed = [n for n, b in enumerate(stage.outputs) if isinstance(b.encoding, Bits)]
        if not any(is_twice(stage, n) for n in packed):
            continue
        if why := next((why for n in packed if (why := why_not_once(stage, n))), ""):
            missed[stage.name] = why
            continue
        for n in packed:
            encoding = stage.outputs[n].encoding
            assert isinstance(encoding, Bits)
            stage.outputs[n].encoding = replace(encoding, copies=COPIES)
    return program


def is_twice(stage: Stage, n: int) -> bool:
    """Whether the branches of output `n` are the same value."""
    branches = stage.results[n]
    return len(branches) == COPIES and branches[0] is branches[1]


def why_not_once(stage: Stage, n: int) -> str:
    """Why signs of output `n` cannot be stored once; empty where they can."""
    encoding = stage.outputs[n].encoding
    assert isinstance(encoding, Bits)
    if encoding.is_whole:
        return "its bits are of integers"
    if not is_twice(stage, n):
        return "it has other bits too, whose halves differ"
    if encoding.groups != 1:
        return "the copies are in different groups"
    if stage.results[n][0].channels % BLOCK:
        return f"a copy of {stage.results[n][0].channels} channels is no whole number of planes"
    copies = np.broadcast_to(encoding.threshold, (stage.outputs[n].channels,)).reshape(COPIES, -1)
    return "the copies have different thresholds" if (copies[0] != copies[1]).any() else ""
