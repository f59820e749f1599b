# SPDX-License-Identifier: Apache-2.0
"""size_rings: every row that a task reads is there, in the list's order and in any other, with no slot to spare."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.memory import Order
from biisnet.compile.ir.stages import Program
from biisnet.compile.ir.steps import Kernels
from biisnet.compile.kernels import Add, Load
from biisnet.compile.passes.order_tasks import order_tasks, run_sweeps
from biisnet.compile.passes.size_rings import rows_ahead, size_rings, widen_rings
from biisnet.compile.passes.task_rows import TaskRows
from biisnet.compile.schedules import DEFAULT

from .flows import RowMissingError, Run, chain, conv, programs, store, task_rows
from .graphs import shipped_program, steps_of

SIZES = [(256, 256), (13, 7), (1, 1)]
HEIGHT = 64
BANDS = st.sampled_from((1, 2, 4, 8))


def check(kernels: Kernels, order: Order) -> dict[Buffer, int]:
    """Each task runs once, and finds its rows."""
    slots = size_rings(kernels, order)
    assert set(slots) == {b for step in kernels.steps for b in step.stage.outputs}
    assert all(1 <= n <= b.height for b, n in slots.items())
    run_through(kernels, order, slots)
    return slots


def run_through(kernels: Kernels, order: Order, slots: dict[Buffer, int]) -> None:
    """Raises RowMissingError."""
    run = Run(kernels.steps, slots, order)
    for k in order.steps:
        run.step(k)
    assert run.finished == Counter(dict(enumerate(TaskRows(kernels.steps, order.rows).counts)))


@pytest.mark.parametrize("size", SIZES)
def test_shipped(size: tuple[int, int]) -> None:
    """Fails where a ring is too short, or a task is missing."""
    kernels = steps_of(shipped_program(size, None))
    check(kernels, order_tasks(kernels, DEFAULT))


@st.composite
def flows(draw: st.DrawFn) -> tuple[Kernels, Order]:
    """A program's steps in bands of any height, in groups and sweeps."""
    program = draw(programs())
    kernels = steps_of(program, bands=[draw(BANDS) for _ in program.stages])
    n = len(kernels.steps)
    cuts = sorted({0, n, *draw(st.lists(st.integers(0, n), max_size=2))})
    groups = [range(a, b) for a, b in pairwise(cuts)]
    return kernels, run_sweeps(TaskRows(kernels.steps, task_rows(draw, kernels)), groups, draw(st.integers(1, 3)))


@settings(deadline=None)
@given(flow=flows())
def test_any_flow(flow: tuple[Kernels, Order]) -> None:
    """Fails where some order of windows and bands needs more rows than are kept."""
    check(*flow)


@settings(deadline=None)
@given(flow=flows(), data=st.data())
def test_no_slot_to_spare(flow: tuple[Kernels, Order], data: st.DataObject) -> None:
    """Fails where a ring is longer than the list needs: with a slot less, a row is overwritten that is still read. (A
    ring of one task has to hold its rows even where nobody reads them.)"""
    kernels, order = flow
    slots = size_rings(kernels, order)
    task = {b: rows for step, rows in zip(kernels.steps, order.rows, strict=True) for b in step.stage.outputs}
    longer = [b for b, n in slots.items() if n > task[b]]
    if longer:
        shorter = data.draw(st.sampled_from(longer))
        with pytest.raises(RowMissingError):
            run_through(kernels, order, slots | {shorter: slots[shorter] - 1})


@settings(deadline=None)
@given(flow=flows(), threads=st.integers(1, 4), wide=st.booleans(), data=st.data())
def test_any_order_of_threads(flow: tuple[Kernels, Order], threads: int, wide: bool, data: st.DataObject) -> None:
    """Fails where threads that claim whatever is ready come to a stand, or one writes where another reads: rows are
    looked at when a task begins and again when it ends, and written both times."""
    kernels, order = flow
    slots = size_rings(kernels, order)
    slots = widen_rings(kernels, slots, order) if wide else slots
    rows, run = TaskRows(kernels.steps, order.rows), Run(kernels.steps, slots, order)
    n = len(kernels.steps)
    claimed, finished, behind = [0] * n, [0] * n, [set[int]() for _ in range(n)]
    under_way: list[tuple[int, int]] = []

    def is_ready(k: int) -> bool:
        if claimed[k] == rows.counts[k]:
            return False
        return rows.has_inputs(k, claimed[k], finished) and all(
            slots[b] == b.height or rows.slots_for(k, b, claimed[k], finished) <= slots[b]
            for b in kernels.steps[k].stage.outputs
        )

    choose = data.draw(st.randoms(use_true_random=False))
    while under_way or claimed != rows.counts:
        ready = [k for k in range(n) if is_ready(k)] if len(under_way) < threads else []
        if ready and (not under_way or choose.random() < 0.7):
            k = choose.choice(ready)
            run.read(k, claimed[k])
            run.write(k, claimed[k])
            under_way.append((k, claimed[k]))
            claimed[k] += 1
            continue
        assert under_way, "nobody can go on"
        k, task = under_way.pop(choose.randrange(len(under_way)))
        run.read(k, task)
        run.write(k, task)
        behind[k].add(task)
        while finished[k] in behind[k]:
            finished[k] += 1


@pytest.mark.parametrize(("band", "slots"), [(1, 3), (2, 5), (4, 9)])
def test_rings_of_bands(band: int, slots: int) -> None:
    """Fails where a ring has other than a band, the rows around it, and what a writer's band is ahead; for several
    threads a band more."""
    image, stages = chain(128, "conv", "conv", "conv")
    kernels = steps_of(Program("net", stages, [image], []), bands=[band] * 3)
    order = order_tasks(kernels, DEFAULT)
    found = check(kernels, order)
    assert list(found.values()) == [slots, slots, band]
    assert list(widen_rings(kernels, found, order).values()) == [slots + band, slots + band, 2 * band]


def test_map_that_is_read_later() -> None:
    """Fails where a ring forgets the rows that a stage further down reads."""
    image, stages = chain(64, "load", "conv", "conv")
    source, last = stages[0].outputs[0], stages[2].outputs[0]
    stages.append(store("late", Add(1, Load(1, last), Load(1, source)), (64, 4), external=0))
    kernels = steps_of(Program("net", stages, [image], stages[-1].outputs))
    assert check(kernels, order_tasks(kernels, DEFAULT))[source] == 3


def test_groups_keep_what_is_between_them() -> None:
    """Fails where a map between two groups keeps fewer rows than a sweep computes, or all of them in two sweeps."""
    image, stages = chain(64, "load", "conv")
    kernels = steps_of(Program("net", stages, [image], []))
    rows, groups = TaskRows(kernels.steps), [range(1), range(1, 2)]
    kept = [check(kernels, run_sweeps(rows, groups, n))[stages[0].outputs[0]] for n in (1, 2, 64)]
    assert kept == [64, 34, 3]  # two rows of the window are above what a sweep adds


@pytest.mark.parametrize(("kernels", "ahead"), [((3, 3, 3), [1, 1, 1]), ((1, 7, 1), [3, 3, 1]), ((1, 1, 7), [1, 3, 3])])
def test_room_for_threads_where_the_work_is(kernels: tuple[int, int, int], ahead: list[int]) -> None:
    """Fails where four threads cannot be in the one stage that has work for them, or what it reads is not there, or
    rings of others grow with it."""
    image = Buffer("image", "image", 1, HEIGHT, HEIGHT, external=0)
    source, stages = image, []
    for n, kernel in enumerate(kernels):
        stages.append(store(f"s{n}", *conv(source, kernel)))
        (source,) = stages[-1].outputs
    steps = steps_of(Program("net", stages, [image], []))
    assert list(rows_ahead(steps, order_tasks(steps, DEFAULT)).values()) == ahead
