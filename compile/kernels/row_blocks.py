# SPDX-License-Identifier: Apache-2.0
"""Blocks: the channels of a stage as its row kernel takes them, up to 8 at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.stages import Stage
from ..storage.encoding import BLOCK


@dataclass(frozen=True)
class Block:
    """`length` <= 8 channels of one branch from `start` (within the branch); `channel` counts from the map's
    first. `repeat` such blocks follow each other."""

    branch: int
    start: int
    channel: int
    length: int
    repeat: int = 1


def blocks(stage: Stage) -> Iterator[Block]:
    """The map's channels cut at branches and where any output's encoding wants it; equal blocks as one loop."""
    cuts, at = {0}, 0
    branches = stage.results[0][:1] if stage.copies > 1 else stage.results[0]
    for branch in branches:
        cuts |= set(range(at, at + branch.channels, BLOCK))
        at += branch.channels
        cuts.add(at)
    for b in stage.outputs:
        cuts |= b.encoding.cuts(b.channels)
    found: list[Block] = []
    first = 0
    for index, branch in enumerate(branches):
        inner = sorted(c for c in cuts if first <= c <= first + branch.channels)
        for start, end in itertools.pairwise(inner):
            last = found[-1] if found else None
            joined = all(b.encoding.joins(b.channels, start) for b in stage.outputs)
            if last and last.branch == index and end - start == BLOCK == last.length and joined:
                found[-1] = Block(index, last.start, last.channel, BLOCK, last.repeat + 1)
            else:
                found.append(Block(index, start - first, start, end - start))
        first += branch.channels
    yield from found


@contextmanager
def repeated(block: Block, together: int = 1) -> Iterator[TirExpr | int]:
    """The loop over a block's repetitions, so many at a time, none where it has one turn; gives the running offset of
    its channels."""
    if block.repeat == together:
        yield 0
        return
    with T.serial(0, block.repeat // together) as i:
        yield i * (together * BLOCK)
