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
    missed = program.missed.setdefault("prescale_stored_maps", {})
    for stage in program.stages:
        for buffer in stage.outputs:
            match readers[buffer]:
                case [ScaleShift(x=Load()) as reader]:
                    if why := why_not_scaled(buffer, reader):
                        missed[stage.name] = why
                    else:
                        wanted[buffer] = reader
                case [_, _, *_] as several if any(isinstance(e, ScaleShift) for e in several):
                    missed[stage.name] = f"its map has {len(several)} readers"
    for stage in program.stages:
        for n, buffer in enumerate(stage.outputs):
            if buffer in wanted:
                scale, shift = wanted[buffer].scale, wanted[buffer].shift
                buffer.encoding = Float32(scale, shift)
                stage.results[n] = scaled_branches(stage.results[n], scale, shift)
    readers_now_loads = set(wanted.values())
    rewrite_program(
        program, "prescale_stored_maps", lambda e: e.x if isinstance(e, ScaleShift) and e in readers_now_loads else e
    )
    return program


def why_not_scaled(buffer: Buffer, reader: ScaleShift) -> str:
    """Why a map cannot be stored as its only reader wants it; empty where it can."""
    assert isinstance(reader.x, Load)
    if not isinstance(buffer.encoding, Float32):
        return f"its map is stored as {buffer.encoding.name}"
    if not isinstance(buffer.layout, Planes):
        return "its map is the model's own"
    if buffer.layout.margin != "none":
        return "its map has a margin, whose values would be others"
    if reader.x.offset or reader.channels != buffer.channels:
        return "its reader takes a part of the channels"
    return ""


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
