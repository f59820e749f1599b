# SPDX-License-Identifier: Apache-2.0
"""reuse_places: which maps take another's place, and that no row is overwritten that is still read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.memory import Order
from biisnet.compile.ir.steps import Kernels
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, Convolution, Load, ReduceChannels, RepeatChannels, ShuffleChannels, Sigmoid
from biisnet.compile.passes.choose_layouts import choose_layouts
from biisnet.compile.passes.order_tasks import run_sweeps
from biisnet.compile.passes.plan_arena import plan_arena, plan_probing
from biisnet.compile.passes.reuse_places import chain, reuse_places, successors
from biisnet.compile.passes.size_rings import size_rings, widen_rings
from biisnet.compile.passes.task_rows import TaskRows
from biisnet.compile.storage import Integer
from biisnet.targets.cores import CORTEX_A72

from .flows import RowMissingError, Run, rows_read, task_rows
from .graphs import steps_of
from .test_choose_layouts import Network

BANDS = st.sampled_from((1, 2, 4, 8))


def blocks(count: int, height: int = 6, *, late: int | None = None) -> tuple[Network, list[Buffer]]:
    """Residual blocks, the last one's map read by the output; with `late` that of a block too. The maps of numbers, the
    first one before all blocks."""
    net = Network(size=(height, 14))
    maps = [net.map]
    for _ in range(count):
        net.block()
        maps.append(net.map)
    end = Load(64, net.map)
    net.end(Sigmoid(64, end if late is None else Add(64, end, Load(64, maps[late]))))
    reuse_places(choose_layouts(net.program, CORTEX_A72))
    return net, maps


def test_a_chain_of_blocks() -> None:
    """Fails where the maps of residual blocks lie beside each other, or have rings of their own."""
    net, maps = blocks(3)
    kernels = steps_of(net.program)
    found = successors(kernels.steps)
    assert found == dict(pairwise(maps))
    assert chain(maps[1], found) == maps[1:]
    order = run_sweeps(TaskRows(kernels.steps), [range(len(kernels.steps))], 1)
    slots = size_rings(kernels, order)
    streaming, probing = plan_arena(kernels, slots, order), plan_probing(kernels)
    assert len({streaming.placements[b].offset for b in maps}) == 1
    assert [streaming.placements[b].successor for b in maps] == [*maps[1:], None]
    assert len({slots[b] for b in maps}) == 1
    assert len({probing.placements[b].offset for b in maps}) == 1
    assert [probing.placements[b].successor for b in maps] == [*maps[1:], None]
    wide = widen_rings(kernels, slots, order)
    assert {wide[b] for b in maps} == {min(slots[maps[0]] + len(maps), maps[0].height)}
    spans = sorted((p.offset, p.offset + p.bytes) for p in streaming.placements.values())
    assert all(a == b or a[1] <= b[0] for a, b in pairwise(spans))


def test_a_map_with_another_reader_stays() -> None:
    """Fails where a map is overwritten that a stage further down reads."""
    net, maps = blocks(3, late=1)
    assert successors(steps_of(net.program).steps) == {maps[0]: maps[1], maps[2]: maps[3]}


def test_another_layout_stays() -> None:
    """Fails where a map takes the place of one whose elements lie elsewhere, or that is of other elements."""
    net, maps = blocks(2)
    maps[1].layout = type(maps[1].layout)(8)
    assert successors(steps_of(reuse_places(net.program)).steps) == {}
    net, maps = blocks(1)
    maps[0].encoding = maps[1].encoding = Integer()
    assert successors(steps_of(reuse_places(net.program)).steps) == {}


def test_kernels_of_pixels_write_in_place() -> None:
    """Fails where they do not."""
    net = Network(channels=16)
    maps = [net.map]
    net.block()
    net.end(Load(16, net.map))
    assert successors(steps_of(reuse_places(net.program)).steps) == {maps[0]: net.map}


def mixed(x: Buffer) -> Expr:
    """Each element of a map, and all its channels at the pixel."""
    weight = np.ones((16, 16, 1, 1), np.float32)
    return Add(16, Load(16, x), Convolution(16, x, weight, np.zeros(16, np.float32), Window((1, 1))))


@pytest.mark.parametrize(
    "read",
    [
        mixed,
        lambda x: ShuffleChannels(16, x, 4),
        lambda x: Add(16, Load(16, x), RepeatChannels(16, ReduceChannels(1, x, "sum"))),
        lambda x: Add(16, Load(16, x), Load(16, x)),
        lambda x: RepeatChannels(16, Load(8, x, 8)),
    ],
)
def test_a_map_that_is_read_elsewhere_too_stays(read: Callable[[Buffer], Expr]) -> None:
    """Fails where an element is overwritten that another one of the stage still needs."""
    net = Network(channels=16)
    old = net.map
    net.map, _ = net.pair(7)
    net.add((read(old),), [net.map])
    net.end(Load(16, net.map))
    assert reuse_places(net.program).stages[1].outputs[0].replaces is None
    assert old not in successors(steps_of(net.program).steps)


class Shared(Run):
    """As Run, but that maps that take each other's place share its slots."""

    def __init__(self, kernels: Kernels, slots: dict[Buffer, int], order: Order) -> None:
        super().__init__(kernels.steps, slots, order)
        self.found = successors(kernels.steps)
        roots = {b: first for first in slots.keys() - self.found.values() for b in chain(first, self.found)}
        held: dict[Buffer, dict[int, tuple[Buffer, int]]] = {b: {} for b in slots}
        self.place = {b: held[roots[b]] for b in slots}

    def look(self, k: int, task: int, *, ends: bool) -> None:
        """Reads all rows; when a task ends but those that it has overwritten. Raises RowMissingError."""
        for op in self.steps[k].operands:
            gone = ends and self.found.get(op.buffer) in self.steps[k].stage.outputs
            if op.buffer not in self.place or gone:
                continue
            for r in (r for y in self.rows_of(k, task) for r in rows_read(op, y)):
                if self.place[op.buffer].get(r % self.slots[op.buffer]) != (op.buffer, r):
                    raise RowMissingError(f"{self.steps[k].stage.name} misses row {r} of {op.buffer.name}")

    def write(self, k: int, task: int) -> None:
        """All rows of its maps."""
        for b in self.steps[k].stage.outputs:
            for y in self.rows_of(k, task):
                self.place[b][y % self.slots[b]] = b, y


@st.composite
def flows(draw: st.DrawFn) -> tuple[Kernels, Order]:
    """Blocks in bands of any height, in groups and sweeps."""
    net, _ = blocks(draw(st.integers(1, 4)), draw(st.integers(1, 20)), late=draw(st.sampled_from((None, 0, 1))))
    kernels = steps_of(net.program, bands=[draw(BANDS) for _ in net.program.stages])
    n = len(kernels.steps)
    cuts = sorted({0, n, *draw(st.lists(st.integers(0, n), max_size=2))})
    groups = [range(a, b) for a, b in pairwise(cuts)]
    return kernels, run_sweeps(TaskRows(kernels.steps, task_rows(draw, kernels)), groups, draw(st.integers(1, 3)))


LAW = settings(deadline=None, max_examples=40)


@LAW
@given(flow=flows())
def test_one_thread(flow: tuple[Kernels, Order]) -> None:
    """Fails where a row is overwritten that is still read, of any map that shares its place."""
    kernels, order = flow
    run = Shared(kernels, size_rings(kernels, order), order)
    done = [0] * len(kernels.steps)
    for k in order.steps:
        run.look(k, done[k], ends=False)
        run.write(k, done[k])
        run.look(k, done[k], ends=True)
        done[k] += 1


@LAW
@given(flow=flows(), threads=st.integers(2, 4), data=st.data())
def test_threads(flow: tuple[Kernels, Order], threads: int, data: st.DataObject) -> None:
    """The same of threads that claim whatever is ready: what is read is there when a task begins and when it ends."""
    kernels, order = flow
    slots = widen_rings(kernels, size_rings(kernels, order), order)
    rows, run, n = TaskRows(kernels.steps, order.rows), Shared(kernels, slots, order), len(kernels.steps)
    claimed, finished, behind = [0] * n, [0] * n, [set[int]() for _ in range(n)]
    under_way: list[tuple[int, int]] = []

    def is_ready(k: int) -> bool:
        if claimed[k] == rows.counts[k] or not rows.has_inputs(k, claimed[k], finished):
            return False
        own = [b for b in kernels.steps[k].stage.outputs if slots[b] < b.height]
        return all(rows.slots_for(k, b, claimed[k], finished) <= slots[b] for b in own)

    choose = data.draw(st.randoms(use_true_random=False))
    while under_way or claimed != rows.counts:
        ready = [k for k in range(n) if is_ready(k)] if len(under_way) < threads else []
        if ready and (not under_way or choose.random() < 0.7):
            k = choose.choice(ready)
            run.look(k, claimed[k], ends=False)
            run.write(k, claimed[k])
            under_way.append((k, claimed[k]))
            claimed[k] += 1
            continue
        assert under_way, "nobody can go on"
        k, task = under_way.pop(choose.randrange(len(under_way)))
        run.look(k, task, ends=True)
        behind[k].add(task)
        while finished[k] in behind[k]:
            finished[k] += 1


def test_the_simulation_itself() -> None:
    """Fails where a ring that is too short would pass."""
    net, maps = blocks(3, 20)
    kernels = steps_of(net.program)
    order = run_sweeps(TaskRows(kernels.steps), [range(len(kernels.steps))], 1)
    slots = size_rings(kernels, order)
    short = slots | {b: slots[b] - 1 for b in maps}
    run, done = Shared(kernels, short, order), [0] * len(kernels.steps)
    with pytest.raises(RowMissingError):  # noqa: PT012  (which task it is does not matter)
        for k in order.steps:
            run.look(k, done[k], ends=False)
            run.write(k, done[k])
            done[k] += 1
