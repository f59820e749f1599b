# SPDX-License-Identifier: Apache-2.0
"""A depthwise convolution computes the MaxPool that it reads: the pooled map is not stored.

depthwise(stored(max_pool(x)))  =  pooled_depthwise(x)

A blur of stride 2 behind a pool of stride 1, as in QuickNet's transitions, reads each pooled pixel about twice. To
write and read the pooled map costs more than to compute it where it is read, as long as few of its rows are computed
more than once. Behind a ReLU floats have no sign bit, and are compared as integers.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from ..ir.buffers import Buffer
from ..ir.expressions import Expr
from ..ir.limits import MAX_ROWS
from ..ir.stages import Program, Stage
from ..kernels import ChannelDepthwise, ChannelMaxPool, ChannelPooledDepthwise, Clamp
from ..kernels.channel_depthwise import UNROLLED
from ..storage import Float32
from .rewriting import rewrite

OFTEN = 2
"""Times that a pooled row may be computed, on average."""


def fuse_pool_into_depthwise(program: Program) -> Program:
    """Stages that do nothing but pool become part of the stage that reads their map, where it is the only one."""
    missed = program.missed.setdefault("fuse_pool_into_depthwise", {})
    readers: dict[Buffer, list[tuple[Stage, Expr]]] = defaultdict(list)
    for stage in program.stages:
        for e in stage.expressions():
            for b in {op.buffer for op in e.operands()}:
                readers[b].append((stage, e))
    ordered = {b for stage in program.stages for n, b in enumerate(stage.outputs) if is_ordered(stage, n)}
    for stage in list(program.stages):
        match stage.results, readers[stage.outputs[0]]:
            case [(ChannelMaxPool() as pool,)], [(reader, ChannelDepthwise() as blur)]:
                if why := why_not(stage, pool, reader, blur):
                    missed[stage.name] = why
                    continue
                fused = ChannelPooledDepthwise(blur.channels, pool, blur, pool.buffer in ordered)
                replace_leaf(reader, blur, fused)
                reader.layers = stage.layers + reader.layers
                program.stages.remove(stage)
    return program


def why_not(stage: Stage, pool: ChannelMaxPool, reader: Stage, blur: ChannelDepthwise) -> str:
    """Why a pool stays a stage beside the convolution that alone reads it; empty where it need not."""
    (pooled,), (kh, kw) = stage.outputs, blur.window.kernel
    if pooled.external is not None or not isinstance(pooled.encoding, Float32) or not pooled.encoding.is_plain:
        return "its map is not stored as it is"
    if any(pool.window.pads):
        return "it is padded"
    if reader.height * kh > OFTEN * pooled.height:
        return f"{kh} rows of taps, {blur.window.strides[0]} apart, would compute its rows more than {OFTEN} times"
    if kw > UNROLLED:
        return f"windows of {kw} columns are a loop"
    (operand,) = ChannelPooledDepthwise(blur.channels, pool, blur).operands()
    rows = operand.count + sum(op.count for op in reader.operands() if op.buffer is not pooled)
    return f"{reader.name} would read {rows} rows" if rows > MAX_ROWS else ""


def is_ordered(stage: Stage, n: int) -> bool:
    """Whether output `n` of a stage has no sign bit but where it is NaN: a ReLU's has none."""
    encoding = stage.outputs[n].encoding
    clamped = (isinstance(e, Clamp) and e.is_open and not np.signbit(e.lower).any() for e in stage.results[n])
    return isinstance(encoding, Float32) and encoding.is_plain and all(clamped)


def replace_leaf(stage: Stage, old: Expr, new: Expr) -> None:
    """Another leaf in a stage's expressions."""
    done: dict[int, Expr] = {}

    def rewrite_one(e: Expr) -> Expr:
        return new if e is old else e

    stage.results = [tuple(rewrite(e, rewrite_one, done) for e in branches) for branches in stage.results]
