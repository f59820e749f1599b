# SPDX-License-Identifier: Apache-2.0
"""The issue bound: cycles of the vector arithmetic that a stage cannot do without.

Loads, stores, addresses and loops are not counted: they have ports of their own, so a kernel that reaches the bound is
limited by its arithmetic alone.
"""

from __future__ import annotations

import math

from ...targets.cores import Core
from ..ir.stages import Stage
from .row_kernel import has_channel_lanes


def issue_bound(stage: Stage, core: Core) -> float | None:
    """Cycles for a whole stage; None for a core whose issue slots are not known."""
    issue = core.issue
    if issue is None:
        return None
    slots = sum(e.channels * e.slots(issue) for e in stage.expressions())
    slots += sum(
        e.channels * buffer.encoding.slots(e, issue)
        for buffer, results in zip(stage.outputs, stage.results, strict=True)
        for e in (results[:1] if buffer.encoding.copies > 1 else results)
    )
    vectors = stage.width / core.lanes
    # of channels' vectors none is empty in part, and a row of less than a vector need not be computed by vectors
    whole = vectors if has_channel_lanes(stage) or vectors < 1 else math.ceil(vectors)
    return slots / issue.per_cycle * stage.height * whole
