# SPDX-License-Identifier: Apache-2.0
"""A map that is only read scaled and shifted is stored so: its stage's last multiply-add does that for nothing.

Before: the reader computes s*x + h of a stored x. After: s*x + h is stored (the buffer's encoding tells what
it holds), the reader loads it. The sign bits that are packed beside it remain those of x.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from ..ir.buffers import Buffer
from ..ir.expressions import Expr
from ..ir.stages import Program
from ..kernels import Load, ScaleShift
from ..storage import Float32, Planes
from .rewriting import rewrite_program


def prescale_stored_maps(program: Program) -> Program:
    """Store maps as their only readers want them."""
    readers: dict[Buffer, list[Expr]] = defaultdict(list)
    for stage in program.stages:
        for e in stage.expressions():
            readers_of(e, readers)
        for e in (root for branches in stage.results for root in branches if isinstance(root, Load)):
            readers[e.buffer].append(e)
    wanted: dict[Buffer, ScaleShift] = {}
    for stage in program.stages:
        for buffer in stage.outputs:
            match readers[buffer]:
                case [ScaleShift(x=Load(offset=0)) as reader] if (
                    can_scale(buffer) and reader.channels == buffer.channels
                ):
                    wanted[buffer] = reader
    for stage in program.stages:
        for n, buffer in enumerate(stage.outputs):
            if buffer in wanted:
                scale, shift = wanted[buffer].scale, wanted[buffer].shift
                buffer.encoding = Float32(scale, shift)
                stage.results[n] = scaled_branches(stage.results[n], scale, shift)
    readers_now_loads = set(wanted.values())
    rewrite_program(program, lambda e: e.x if isinstance(e, ScaleShift) and e in readers_now_loads else e)
    return program


def can_scale(buffer: Buffer) -> bool:
    """Whether a map may be stored scaled and shifted: a margin would be of zeros that are not."""
    return isinstance(buffer.layout, Planes) and buffer.layout.margin == "none" and isinstance(buffer.encoding, Float32)


def readers_of(e: Expr, readers: dict[Buffer, list[Expr]]) -> None:
    """Note what reads which buffer: a load's parents instead of the load, where it has any."""
    if not isinstance(e, Load):
        for buffer in dict.fromkeys(op.buffer for op in e.operands()):
            readers[buffer].append(e)
    for child in e.children():
        if isinstance(child, Load):
            readers[child.buffer].append(e)


def scaled_branches(branches: tuple[Expr, ...], scale: np.ndarray, shift: np.ndarray) -> tuple[Expr, ...]:
    """scale*x + shift of concatenated branches."""
    cuts = np.cumsum([0, *(e.channels for e in branches)])
    return tuple(
        ScaleShift(e.channels, e, scale[start:end], shift[start:end])
        for e, start, end in zip(branches, cuts[:-1], cuts[1:], strict=True)
    )
