# SPDX-License-Identifier: Apache-2.0
"""plan_arena: no two maps that live at the same time share a byte."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.limits import MAX_STRIDE
from biisnet.compile.ir.memory import ALIGNMENT, SLACK, Arena, Segment
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.steps import Kernels
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, BinaryDot, Convolution, Load
from biisnet.compile.passes.build_kernels import build_kernels
from biisnet.compile.passes.form_segments import form_segments, layer_by_layer
from biisnet.compile.passes.plan_arena import plan_arena
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.storage import Margin, Planes
from biisnet.compile.storage.layout import round_up
from biisnet.targets.cores import GENERIC

from .graphs import shipped_program, steps_of

PLANES = Planes("zero")
MARGINS: tuple[Margin, ...] = ("none", "zero")


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Stages that read some of the maps before them, with one or two outputs each."""
    image = Buffer("image", "image", 1, 4, 4, external=0)
    maps, stages = [image], []
    for k in range(draw(st.integers(1, 12))):
        read = draw(st.lists(st.sampled_from(maps), min_size=1, max_size=3, unique=True))
        if draw(st.booleans()):
            buffer = read[0]
            weight = np.zeros((1, buffer.channels, 3, 3), np.float32)
            e: Expr = Convolution(1, buffer, weight, np.zeros(1, np.float32), Window((3, 3), pads=(1, 1, 1, 1)))
        else:
            e = Load(1, read[0])
        for b in read[1:]:
            e = Add(1, e, Load(1, b))
        height, width, channels = (draw(st.integers(1, 40)) for _ in range(3))
        outputs = [
            Buffer(f"map{k}.{n}", f"map{k}", channels, height, width, layout=Planes(margin))
            for n, margin in enumerate(draw(st.lists(st.sampled_from(MARGINS), min_size=1, max_size=2)))
        ]
        stages.append(Stage.of(f"stage{k}", (), (e,), outputs))
        maps += outputs
    return Program("net", stages, [image], [])


def lives(kernels: Kernels, segments: list[Segment]) -> dict[Buffer, set[int]]:
    """Inner buffer -> the segments that write or read it."""
    of = {k: n for n, s in enumerate(segments) for k in range(s.first, s.last)}
    found: dict[Buffer, set[int]] = {}
    for k, step in enumerate(kernels.steps):
        for b in [*step.stage.outputs, *(op.buffer for op in step.operands)]:
            if b.external is None:
                found.setdefault(b, set()).add(of[k])
    return found


def check(kernels: Kernels, segments: list[Segment]) -> Arena:
    """Every promise that the runtime and the kernels rely on."""
    arena = plan_arena(kernels, segments)
    assert arena.segments == segments
    used = lives(kernels, segments)
    assert set(arena.placements) == set(used)
    spans = {}
    constants_end = max(
        [arena.zero_bytes] + [at + k.sections["end"] for at, k in zip(arena.constants, kernels.steps, strict=True)]
    )
    for b, at in used.items():
        p = arena.placements[b]
        assert p.buffer is b
        assert (p.first, p.last) == (min(at), max(at))
        segment = segments[min(at)]
        assert p.private == (len(at) == 1 and segment.last - segment.first > 1), b.name
        assert p.slots == (segment.slots[b] if p.private else b.height)
        assert p.bytes == p.slots * b.row_bytes
        start, end = p.offset, p.offset + p.slots * b.row_bytes
        assert start % ALIGNMENT == 0
        room = (0, arena.private_bytes) if p.private else (constants_end, arena.shared_bytes)
        assert room[0] <= start < end <= room[1] - SLACK, b.name
        spans[b] = (p.private, start, end, min(at), max(at))
    for b, (private, start, end, first, last) in spans.items():
        for other, (private2, start2, end2, first2, last2) in spans.items():
            apart = private != private2 or last < first2 or last2 < first or end <= start2 or end2 <= start
            assert b is other or apart, f"{b.name} and {other.name}"
    windows = [e for k in kernels.steps for e in k.stage.expressions() if isinstance(e, Convolution | BinaryDot)]
    assert arena.zero_bytes >= max((e.buffer.row_bytes for e in windows), default=0) + SLACK
    assert len(arena.constants) == len(kernels.steps)
    starts = [arena.zero_bytes, *arena.constants, constants_end]
    ends = [arena.zero_bytes, *(at + k.sections["end"] for at, k in zip(arena.constants, kernels.steps, strict=True))]
    assert all(at % ALIGNMENT == 0 for at in starts)
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=True))
    assert arena.shared_bytes % ALIGNMENT == arena.private_bytes % ALIGNMENT == 0
    for private, size, fixed in ((False, arena.shared_bytes, constants_end), (True, arena.private_bytes, 0)):
        places = [end - start + ALIGNMENT for p, start, end, *_ in spans.values() if p == private]
        assert size <= fixed + sum(places) + SLACK + ALIGNMENT
        assert size > 0 or not places
    assert [arena.bytes(n) for n in (1, 4)] == [arena.shared_bytes + n * arena.private_bytes for n in (1, 4)]
    if all(s.last - s.first == 1 for s in segments):
        assert arena.private_bytes == 0
    return arena


@given(program=programs(), constants=st.sampled_from((0, 64, 640)))
def test_maps_do_not_overlap(program: Program, constants: int) -> None:
    """Fails where a stage would overwrite a map that is still read, or reads past the arena."""
    kernels = steps_of(program, constants)
    check(kernels, layer_by_layer(kernels))
    check(kernels, form_segments(kernels, DEFAULT))


@given(program=programs(), apart=st.sampled_from((64, 4096, 1 << 16)))
def test_constants_in_the_same_sets(program: Program, apart: int) -> None:
    """Fails where two steps' constants fall into other sets of a cache, or overlap, or a map lies among them."""
    kernels = steps_of(program, 640)
    arena = plan_arena(kernels, layer_by_layer(kernels), apart)
    assert {at % apart for at in arena.constants} == {0}
    ends = [at + step.sections["end"] for at, step in zip(arena.constants, kernels.steps, strict=True)]
    assert all(end <= start for end, start in zip(ends, arena.constants[1:], strict=False))
    assert all(p.offset >= ends[-1] for p in arena.placements.values() if not p.private)


@given(program=programs(), data=st.data())
def test_any_segments(program: Program, data: st.DataObject) -> None:
    """Fails where the plan relies on which stages form_segments puts together."""
    kernels = steps_of(program, 64)
    n = len(kernels.steps)
    cuts = sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=n))})
    segments = [
        Segment(a, b, {o: data.draw(st.integers(1, o.height)) for k in kernels.steps[a:b] for o in k.stage.outputs})
        for a, b in pairwise(cuts)
    ]
    check(kernels, segments)


@pytest.mark.parametrize("size", [(256, 256), (13, 7)])
def test_shipped(size: tuple[int, int]) -> None:
    """Fails where the network needs more memory than its three largest neighbours, that is, where none is reused."""
    program = shipped_program(size, None)
    kernels = build_kernels(program, GENERIC, DEFAULT)
    sizes = sorted((sum(b.map_bytes for b in s.outputs if b.external is None) for s in program.stages), reverse=True)
    for segments in (layer_by_layer(kernels), form_segments(kernels, DEFAULT)):
        arena = check(kernels, segments)
        constants = arena.constants[-1] + kernels.steps[-1].sections["end"]
        assert arena.shared_bytes <= constants + 1.1 * sum(sizes[:4])
        assert arena.private_bytes <= sizes[0]


@given(
    width=st.integers(1, 300),
    kernel=st.integers(1, 5),
    dilation=st.integers(1, 9),
    pads=st.tuples(st.integers(0, PLANES.lanes), st.integers(0, PLANES.lanes)),
)
def test_slack_of_strided_vectors(width: int, kernel: int, dilation: int, pads: tuple[int, int]) -> None:
    """Fails where the last vector that a window of the largest stride reads in a map's last row leaves the arena."""
    window = Window((1, kernel), (1, MAX_STRIDE), (0, pads[0], 0, pads[1]), (1, dilation))
    columns = window.output(1, width)[1]
    assume(columns >= 1)
    last = (round_up(columns, PLANES.lanes) - PLANES.lanes) * MAX_STRIDE - pads[0] + (kernel - 1) * dilation
    source = Buffer("map", "map", 1, 1, width, layout=PLANES)
    read = PLANES.origin + last + PLANES.lanes * MAX_STRIDE  # elements of the row, as load_strided takes them
    assert read * source.encoding.itemsize <= source.row_bytes + SLACK


def test_chain_uses_two_places() -> None:
    """Fails where a chain of equal maps takes more than two."""
    maps = [Buffer("image", "image", 1, 8, 8, external=0), *(Buffer(f"map{k}", f"map{k}", 4, 8, 8) for k in range(6))]
    stages = [Stage.of(b.name, (), (Load(b.channels, a),), [b]) for a, b in pairwise(maps)]
    kernels = steps_of(Program("net", stages, maps[:1], []))
    arena = check(kernels, layer_by_layer(kernels))
    assert len({p.offset for p in arena.placements.values()}) == 2


def test_a_ring_each() -> None:
    """Fails where threads share a ring, or a map that leaves its segment is not shared."""
    image = Buffer("image", "image", 1, 64, 8, external=0)
    maps = [image, *(Buffer(f"map{k}", f"map{k}", 1, 64, 8) for k in range(3))]
    stages = [Stage.of(b.name, (), (Load(1, a),), [b]) for a, b in pairwise(maps)]
    stages.append(Stage.of("y", (), (Load(1, maps[-1]),), [Buffer("y", "y", 1, 64, 8, external=0)]))
    kernels = steps_of(Program("net", stages, [image], stages[-1].outputs))
    arena = check(kernels, [Segment(0, 3, {maps[1]: 1, maps[2]: 3, maps[3]: 64}), Segment(3, 4, {})])
    assert [arena.placements[b].private for b in maps[1:]] == [True, True, False]
    assert [arena.placements[b].slots for b in maps[1:]] == [1, 3, 64]
    assert arena.bytes(4) - arena.bytes(1) == 3 * arena.private_bytes > 0
