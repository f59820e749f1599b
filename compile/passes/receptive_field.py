# SPDX-License-Identifier: Apache-2.0
"""The distance from which a pixel's result depends on the input, which tiles of a large frame must overlap by."""

from __future__ import annotations

import math
from fractions import Fraction

from ..ir.buffers import Buffer
from ..ir.plan import ReceptiveField
from ..ir.stages import Program

FAR = 1 << 12
"""A row, in the coarsest map's, that no border is near to."""


def receptive_field(program: Program) -> ReceptiveField | None:
    """The field of a network whose one input and one output are each a plane, of one size, and that does the same along
    both axes; None for others."""
    if len(program.inputs) != 1 or len(program.outputs) != 1:
        return None
    (source,), (result,) = program.inputs, program.outputs
    if source.channels != 1 or result.channels != 1:
        return None
    scales = find_scales(program)
    if (
        scales is None
        or not all(e.is_square for s in program.stages for e in s.expressions())
        or scales.get(result) != 1
    ):
        return None
    if (source.height, source.width) != (result.height, result.width):
        return None
    stride = math.lcm(*(int(s) for s in scales.values()))
    reaches = [reach(program, FAR * stride + phase) for phase in range(stride)]
    return ReceptiveField(max(reaches), stride)


def find_scales(program: Program) -> dict[Buffer, Fraction] | None:
    """Input rows to a row of each map, at least one; None where a stage reads maps that do not fit together."""
    scales = {program.inputs[0]: Fraction(1)}
    for stage in program.stages:
        found = {scales[op.buffer] * Fraction(op.mul, op.div) for op in stage.operands()}
        if len(found) != 1 or min(found) < 1 or min(found).denominator != 1:
            return None
        scales.update(dict.fromkeys(stage.outputs, found.pop()))
    return scales


def reach(program: Program, row: int) -> int:
    """Rows from an output row, far from any border, to the farthest input row that it depends on."""
    needs = {program.outputs[0]: (row, row + 1)}
    for stage in reversed(program.stages):
        wanted = [needs[b] for b in stage.outputs if b in needs]
        if not wanted:
            continue
        first, last = min(w[0] for w in wanted), max(w[1] for w in wanted)
        for operand in stage.operands():
            low, high = (int(r) for r in operand.read_rows(first, last))
            old = needs.get(operand.buffer, (low, high))
            needs[operand.buffer] = min(low, old[0]), max(high, old[1])
    low, high = needs[program.inputs[0]]
    return max(row - low, high - 1 - row)
