# SPDX-License-Identifier: Apache-2.0
"""A stage as a whole: several branches, outputs and forms; blocks of channels; one large map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, BinaryDot, Convolution, Load, PoolSum, ScaleShift, Upsample
from biisnet.compile.kernels.row_kernel import Block, blocks, build
from biisnet.compile.storage import Bits, Margin, Planes
from biisnet.targets.cores import GENERIC

from . import draw as d
from .conftest import Check
from .device import Case
from .test_binary_dot import PLAIN_3X3, dot


@st.composite
def branch(draw: st.DrawFn, n: int, height: int, width: int, maps: dict[str, d.Array]) -> Expr:
    """One expression of any kind over a map of its own."""
    rng, channels = draw(d.generators()), draw(st.sampled_from((1, 3, 5, 8, 11, 16)))
    kind, name = draw(st.sampled_from((Load, PoolSum, Upsample, Convolution, BinaryDot))), f"in{n}"
    if kind is BinaryDot:
        e, maps[name] = dot(rng, (1, 3, channels), height, width, PLAIN_3X3, draw(st.integers(0, 2)))
        buffer = Buffer(name, name, 3, height, width, Bits(), Planes("zero"))
        return BinaryDot(channels, buffer, e.signs, e.window, e.pad_shift, e.unit)
    inputs = 1 if kind is Convolution else channels
    rows, columns = {PoolSum: (2 * height, 2 * width + 1), Upsample: (-(-height // 2), -(-width // 2))}.get(
        kind, (height, width)
    )
    margin: Margin = "zero" if kind is Convolution else "edge"
    buffer = Buffer(name, name, inputs, rows, columns, layout=Planes(margin))
    maps[name] = d.plain_map(rng, (inputs, rows, columns))
    if kind is Convolution:
        weight = d.dyadic(rng, (channels, 1, 3, 3))
        return Convolution(channels, buffer, weight, d.constants(rng, channels), Window((3, 3), pads=(1, 1, 1, 1)))
    return Upsample(channels, buffer, "linear") if kind is Upsample else kind(channels, buffer)


@st.composite
def stages(draw: st.DrawFn) -> Case:
    """Branches side by side, each perhaps with an epilogue, in one to three forms."""
    maps: dict[str, d.Array] = {}
    height, width = draw(d.sizes())
    branches = tuple(draw(branch(n, height, width, maps)) for n in range(draw(st.integers(1, 4))))
    rng = draw(d.generators())
    branches = tuple(
        ScaleShift(e.channels, e, d.constants(rng, e.channels), d.constants(rng, e.channels))
        if draw(st.booleans())
        else e
        for e in branches
    )
    channels = sum(e.channels for e in branches)
    return Case(Stage.of("case", ("case",), branches, draw(d.outputs(channels, height, width))), maps)


@d.BATCH
@given(cases=d.batches(stages(), 8))
def test_host(on_host: Check, cases: list[Case]) -> None:
    """Fails where channels of branches or groups of packed bits are put into the wrong plane or bit."""
    on_host(cases)


@pytest.mark.emulator
@d.BATCH
@given(cases=d.batches(stages(), 5))
def test_emulated(on_both: Check, cases: list[Case]) -> None:
    """Fails where the board's code differs from this machine's."""
    on_both(cases)


def test_bits_of_other_groups(on_host: Check) -> None:
    """Fails where a map that convolutions of several group counts read, at one threshold, does not compile."""
    maps = {"in": d.plain_map(np.random.default_rng(0), (24, 3, 4))}
    cases = []
    for groups in ((1, 2), (2, 3), (1, 4)):
        out = [Buffer(f"bits{g}", "out", 24, 3, 4, Bits(g)) for g in groups]
        cases.append(Case(Stage.of("case", ("case",), (Load(24, Buffer("in", "in", 24, 3, 4)),), out), maps))
    on_host(cases)


@pytest.mark.emulator
def test_large_map(on_both: Check) -> None:
    """1024x1280, the largest size that is promised: fails where an offset or a border class overflows."""
    rng = np.random.default_rng(1)
    e, bits = dot(rng, (1, 8, 8), 1024, 1280, PLAIN_3X3, 1)
    out = [
        Buffer("bits", "out", 8, 1024, 1280, Bits(), Planes("zero")),
        Buffer("sum", "out", 8, 1024, 1280),
    ]
    on_both([Case(Stage.of("case", ("case",), (e,), out), {"in": bits})])


def stage_of(lengths: list[int], *forms: tuple[int, int]) -> Stage:
    """A stage with branches of these channels, and packed outputs of (channels, groups)."""
    buffer = Buffer("in", "in", sum(lengths), 1, 1)
    return Stage.of(
        "case",
        (),
        tuple(Load(n, buffer) for n in lengths),
        [Buffer("out", "out", c, 1, 1, Bits(g)) for c, g in forms] or [Buffer("out", "out", 1, 1, 1)],
    )


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (stage_of([5]), [Block(0, 0, 0, 5)]),
        (stage_of([32]), [Block(0, 0, 0, 8, 4)]),
        (stage_of([20]), [Block(0, 0, 0, 8, 2), Block(0, 16, 16, 4)]),
        (stage_of([8, 8]), [Block(0, 0, 0, 8), Block(1, 0, 8, 8)]),
        (
            stage_of([3, 16], (19, 1)),
            [Block(0, 0, 0, 3), Block(1, 0, 3, 5), Block(1, 5, 8, 3), Block(1, 8, 11, 5), Block(1, 13, 16, 3)],
        ),
        (
            stage_of([24], (24, 2)),
            [Block(0, 0, 0, 8), Block(0, 8, 8, 4), Block(0, 12, 12, 4), Block(0, 16, 16, 4), Block(0, 20, 20, 4)],
        ),
        (stage_of([32], (32, 2)), [Block(0, 0, 0, 8, 4)]),
    ],
)
def test_blocks(stage: Stage, expected: list[Block]) -> None:
    """Fails where a block straddles a branch or a packed byte, or equal blocks are not one loop."""
    assert list(blocks(stage)) == expected


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4), data=st.data())
def test_blocks_cover_the_map(lengths: list[int], data: st.DataObject) -> None:
    """Fails where channels are left out, computed twice, or a block straddles a packed byte of any output."""
    channels = sum(lengths)
    groups = data.draw(st.lists(st.sampled_from(d.groups_of(channels)), max_size=2))
    found: list[int] = []
    for b in blocks(stage_of(lengths, *((channels, g) for g in groups))):
        assert 1 <= b.length <= 8
        for i in range(b.repeat):
            first = b.channel + 8 * i
            assert first == sum(lengths[: b.branch]) + b.start + 8 * i
            for g in groups:
                per_group = channels // g
                assert len({(c // per_group, c % per_group // 8) for c in range(first, first + b.length)}) == 1
            found += range(first, first + b.length)
    assert found == list(range(channels))


def test_operands_are_shared() -> None:
    """Fails where two leaves that read the same rows are handed them twice."""
    buffer, other = Buffer("a", "a", 4, 3, 3), Buffer("b", "b", 4, 3, 3)
    e = Add(2, Add(2, Load(2, buffer), Load(2, buffer, 2)), Load(2, other))
    stage = Stage.of("case", (), (e,), [Buffer("out", "out", 2, 3, 3)])
    assert [op.buffer for op in stage.operands()] == [buffer, other]
    assert build(stage, "kernel", GENERIC, Schedule(2)).operands == stage.operands()
