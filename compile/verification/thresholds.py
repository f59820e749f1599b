# SPDX-License-Identifier: Apache-2.0
"""Asks a stage that stores signs alone for its accumulators.

    sign of (accumulator + threshold - cut) against the threshold   =   [accumulator >= cut]

The cut is a constant of the kernel, the shift behind the binary convolution, of a ScaleShift or a ScaleShiftAdd (whose
other part is a map made zero), and so another for each run of the very code of the bundle. An accumulator is the
expected one where it is at least half a unit less than that, and not at least half a unit more: two runs, in which
every channel asks for the value of its own that is next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...targets.cores import Core
from ..ir.expressions import Expr
from ..ir.stages import Stage
from ..ir.steps import Step
from ..kernels import BinaryDot, ScaleShift, ScaleShiftAdd
from ..kernels.row_kernel import build
from ..passes.rewriting import rewrite
from ..storage import Bits
from .device import Device

Array = npt.NDArray[Any]
FEWEST, MOST = 16, 256
"""Runs of a stage."""
WORK = 1 << 30
"""One-bit multiply-adds that the runs may come to, beyond the fewest."""

Shift = ScaleShift | ScaleShiftAdd


def movable(probe: Stage) -> list[Shift] | None:
    """Of a stage that stores signs alone the outermost ScaleShift or ScaleShiftAdd of each branch (a level of several
    has its own) that is behind all binary convolutions; None where a branch has none, or other values are stored."""
    if len(probe.results) != 1 or type(probe.outputs[0].encoding) is not Bits:
        return None
    dots = {id(e) for e in probe.expressions() if isinstance(e, BinaryDot)}

    def has_all(e: Expr) -> bool:
        return dots <= {id(x) for x in within(e)}

    found = [next((e for e in within(b) if isinstance(e, Shift) and has_all(e)), None) for b in probe.results[0]]
    return [e for e in found if e is not None] if None not in found else None


def within(e: Expr) -> Iterator[Expr]:
    """A node and all below it, the outer ones first."""
    yield e
    for part in e.children():
        yield from within(part)


def moved(probe: Stage, nodes: Sequence[Shift], shift: Array) -> tuple[Stage, Array]:
    """(the stage with another shift [C], of each branch its part; that shift, in which branches that share a node have
    what the first of them has)."""
    parts = np.split(shift.astype(np.float32), np.cumsum([b.channels for b in probe.results[0]])[:-1])
    first = {id(node): part for node, part in reversed(list(zip(nodes, parts, strict=True)))}
    done: dict[int, Expr] = {}
    changes = {id(node): replace(node, shift=first[id(node)]) for node in nodes}
    results = [tuple(rewrite(e, lambda e: changes.get(id(e), e), done) for e in b) for b in probe.results]
    return replace(probe, results=results), np.concatenate([first[id(node)] for node in nodes])


def cuts_of(expected: Array, most: int) -> Iterator[Array]:
    """Cuts [C] of each run: half a unit below and above every value of each channel, of the most frequent ones where
    there are more than so many runs."""
    rows = []
    for channel in expected:
        values, counts = np.unique(channel, return_counts=True)
        frequent = values[np.argsort(-counts, kind="stable")[: most // 2]]
        rows.append(np.unique(np.concatenate([frequent - 0.5, frequent + 0.5])))
    for run in range(max(len(r) for r in rows)):
        yield np.array([r[min(run, len(r) - 1)] for r in rows], np.float32)


def ask(
    device: Device, core: Core, index: int, step: Step, probe: Stage, inputs: dict[str, Array], expected: Array
) -> tuple[Array, Array]:
    """(where the accumulators were asked for, where they are others than the expected) of a stage, both [C, H, W]."""
    nodes, buffer = movable(probe), probe.outputs[0]
    assert nodes is not None
    assert isinstance(buffer.encoding, Bits)
    threshold = np.broadcast_to(buffer.encoding.threshold, (len(expected),))
    least, below = (np.zeros(expected.shape, bool) for _ in range(2))  # asked from this side
    differ = np.zeros(expected.shape, bool)
    for op in step.operands:
        device.store(op.buffer, inputs[op.buffer.name])
    allowed = int(np.clip(WORK // max(1, probe.work.binary), FEWEST, MOST))
    for cut in cuts_of(expected, allowed):
        other, shift = moved(probe, nodes, threshold - cut)
        device.probe.run_stage(index, build(other, "kernel", core, step.schedule).parameters.to_bytes())
        found, at_least = device.fetch(buffer), expected >= cut[:, None, None]
        # of a threshold so large that half a unit is lost beside it nothing can be said
        sound = (expected + shift[:, None, None] >= threshold[:, None, None]) == at_least
        differ |= sound & (found != at_least)
        distance = np.abs(expected - cut[:, None, None])
        least |= sound & at_least & (distance == 0.5)
        below |= sound & ~at_least & (distance == 0.5)
    return least & below, differ
