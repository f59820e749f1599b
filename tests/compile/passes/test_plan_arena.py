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
from biisnet.compile.ir.memory import ALIGNMENT, SLACK, Arena, Order
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.steps import Kernels
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, BinaryDot, Convolution, Load
from biisnet.compile.passes.build_kernels import build_kernels
from biisnet.compile.passes.order_tasks import order_tasks, run_sweeps
from biisnet.compile.passes.plan_arena import plan_apart, plan_arena, plan_probing
from biisnet.compile.passes.size_rings import size_rings
from biisnet.compile.passes.task_rows import TaskRows
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


def check(kernels: Kernels, arena: Arena, slots: dict[Buffer, int], order: Order | None) -> None:
    """Every promise that the runtime and the kernels rely on; without an order all maps live all the time."""
    times: dict[Buffer, set[int]] = {}
    for time, k in enumerate(order.steps if order else ()):
        for b in [*kernels.steps[k].stage.outputs, *(op.buffer for op in kernels.steps[k].operands)]:
            times.setdefault(b, set()).add(time)
    lives: dict[Buffer, set[int]] = {}
    for k, step in enumerate(kernels.steps):
        for b in [*step.stage.outputs, *(op.buffer for op in step.operands)]:
            if b.external is None:
                lives.setdefault(b, set()).add(k)
    assert set(arena.placements) == set(lives)
    spans = {}
    constants_end = max(
        [arena.zero_bytes] + [at + k.sections["end"] for at, k in zip(arena.constants, kernels.steps, strict=True)]
    )
    for b, at in lives.items():
        p = arena.placements[b]
        assert p.buffer is b
        assert (p.first, p.last) == (min(at), max(at))
        assert p.slots == slots[b]
        assert p.bytes == p.slots * b.row_bytes
        start, end = p.offset, p.offset + p.slots * b.row_bytes
        assert start % ALIGNMENT == 0
        assert constants_end <= start < end <= arena.bytes - SLACK, b.name
        spans[b] = (start, end, min(times.get(b, {0})), max(times.get(b, {0})))
    for b, (start, end, first, last) in spans.items():
        for other, (start2, end2, first2, last2) in spans.items():
            in_turn = last < first2 or last2 < first
            assert b is other or in_turn or end <= start2 or end2 <= start, f"{b.name} and {other.name}"
    windows = [e for k in kernels.steps for e in k.stage.expressions() if isinstance(e, Convolution | BinaryDot)]
    assert arena.zero_bytes >= max((e.buffer.row_bytes for e in windows), default=0) + SLACK
    assert len(arena.constants) == len(kernels.steps)
    starts = [arena.zero_bytes, *arena.constants, constants_end]
    ends = [arena.zero_bytes, *(at + k.sections["end"] for at, k in zip(arena.constants, kernels.steps, strict=True))]
    assert all(at % ALIGNMENT == 0 for at in starts)
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=True))
    assert arena.bytes % ALIGNMENT == 0
    assert arena.bytes <= constants_end + sum(end - start + ALIGNMENT for start, end, *_ in spans.values()) + 2 * SLACK


def whole(kernels: Kernels) -> dict[Buffer, int]:
    """All rows of all maps."""
    return {b: b.height for step in kernels.steps for b in step.stage.outputs}


@given(program=programs(), constants=st.sampled_from((0, 64, 640)))
def test_whole_maps_do_not_overlap(program: Program, constants: int) -> None:
    """Fails where a stage would overwrite a map that is still read, or reads past the arena."""
    kernels = steps_of(program, constants)
    check(kernels, plan_probing(kernels), whole(kernels), Order.one_by_one(kernels.steps))


@given(program=programs(), constants=st.sampled_from((0, 64, 640)), data=st.data())
def test_rings_do_not_overlap(program: Program, constants: int, data: st.DataObject) -> None:
    """Fails where one ring lies in another, whenever they are used, or the plan relies on how long they are."""
    kernels = steps_of(program, constants)
    slots = {b: data.draw(st.integers(1, b.height)) for b in whole(kernels)}
    check(kernels, plan_arena(kernels, slots, None), slots, None)


@given(program=programs(), cut=st.integers(0, 12), sweeps=st.integers(1, 3), data=st.data())
def test_rings_in_turn(program: Program, cut: int, sweeps: int, data: st.DataObject) -> None:
    """Fails where a ring lies in one that is still read, or yet to be, in the order in which tasks run."""
    bands = [data.draw(st.sampled_from((1, 2, 4))) for _ in program.stages]
    kernels = steps_of(program, 64, bands=bands)
    n = len(kernels.steps)
    groups = [range(min(cut, n)), range(min(cut, n), n)]
    order = run_sweeps(TaskRows(kernels.steps), [g for g in groups if g], sweeps)
    slots = size_rings(kernels, order)
    check(kernels, plan_arena(kernels, slots, order), slots, order)


def test_a_later_group_takes_the_place_of_an_earlier_one() -> None:
    """Fails where maps of stages that never run at once lie beside each other; with several threads they do."""
    maps = [Buffer(f"map{k}", f"map{k}", 16, 8, 16) for k in range(6)]
    stages = [Stage.of(f"s{k}", (), (Load(16, a),), [b]) for k, (a, b) in enumerate(pairwise(maps))]
    maps[0].external = 0
    kernels = steps_of(Program("net", stages, [maps[0]], []))
    order = run_sweeps(TaskRows(kernels.steps), [range(k, k + 1) for k in range(5)], 1)
    slots = size_rings(kernels, order)
    assert sorted(slots.values()) == [1, 8, 8, 8, 8]
    assert len({p.offset for p in plan_arena(kernels, slots, order).placements.values()}) == 2
    assert len({p.offset for p in plan_arena(kernels, slots, None).placements.values()}) == 5


@given(program=programs(), apart=st.sampled_from((64, 4096, 1 << 16)))
def test_constants_in_the_same_sets(program: Program, apart: int) -> None:
    """Fails where two steps' constants fall into other sets of a cache, or overlap, or a map lies among them."""
    kernels = steps_of(program, 640)
    arena = plan_apart(kernels, apart)
    assert {at % apart for at in arena.constants} == {0}
    ends = [at + step.sections["end"] for at, step in zip(arena.constants, kernels.steps, strict=True)]
    assert all(end <= start for end, start in zip(ends, arena.constants[1:], strict=False))
    assert all(p.offset >= ends[-1] for p in arena.placements.values())


@given(program=programs(), constants=st.sampled_from((64, 640)))
def test_all_layouts_have_the_same_constants(program: Program, constants: int) -> None:
    """Fails where a stage would find its constants in one layout and not in another: a plan says their place once."""
    kernels = steps_of(program, constants)
    rings, probing = plan_arena(kernels, whole(kernels), None), plan_probing(kernels)
    assert (rings.constants, rings.zero_bytes) == (probing.constants, probing.zero_bytes)


@pytest.mark.parametrize("size", [(256, 256), (13, 7)])
def test_shipped(size: tuple[int, int]) -> None:
    """Fails where whole maps need more memory than their three largest neighbours, that is, where none is reused, or
    rings more than these do."""
    program = shipped_program(size, None)
    kernels = build_kernels(program, GENERIC, DEFAULT)
    sizes = sorted((sum(b.map_bytes for b in s.outputs if b.external is None) for s in program.stages), reverse=True)
    probing = plan_probing(kernels)
    check(kernels, probing, whole(kernels), Order.one_by_one(kernels.steps))
    constants = probing.constants[-1] + kernels.steps[-1].sections["end"]
    assert probing.bytes <= constants + 1.1 * sum(sizes[:4])
    order = order_tasks(kernels, DEFAULT)
    slots = size_rings(kernels, order)
    streaming = plan_arena(kernels, slots, order)
    check(kernels, streaming, slots, order)
    if min(size) >= 256:
        assert streaming.bytes < constants + (probing.bytes - constants) / 2


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
    arena = plan_probing(kernels)
    check(kernels, arena, whole(kernels), Order.one_by_one(kernels.steps))
    assert len({p.offset for p in arena.placements.values()}) == 2
