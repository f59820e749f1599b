# SPDX-License-Identifier: Apache-2.0
"""order_tasks: groups that a cache holds, and sweeps that pay."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.errors import CompileError
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.limits import (
    INSTANCE_BUFFER_BYTES,
    INSTANCE_BYTES,
    INSTANCE_STAGE_BYTES,
    LOOK_AHEAD,
    MAX_BAND,
    MAX_INPUTS,
    MAX_OUTPUTS,
    MAX_ROWS,
    MAX_TASKS,
    MAX_THREADS,
)
from biisnet.compile.ir.stages import Program
from biisnet.compile.ir.steps import Kernels
from biisnet.compile.passes.order_tasks import Group, cut_groups, group_of, order_tasks, run_sweeps
from biisnet.compile.passes.size_rings import size_rings
from biisnet.compile.passes.task_rows import TaskRows
from biisnet.compile.schedules import DEFAULT, Schedules, choices
from biisnet.runtime.sources import HEADER, ROOT

from .flows import chain, programs
from .graphs import shipped_program, steps_of


def single_stream(kernels: Kernels) -> dict[Buffer, int]:
    """The rings of the whole network as one group."""
    return size_rings(kernels, run_sweeps(TaskRows(kernels.steps), [range(len(kernels.steps))], 1))


def test_small_network_is_one_stream() -> None:
    """Fails where stages that fit the cache do not run band by band, the deepest first."""
    image, stages = chain(16, "conv", "conv", "load")
    order = order_tasks(steps_of(Program("net", stages, [image], [])), DEFAULT)
    assert (order.groups, order.sweeps) == ([range(3)], 1)
    assert order.steps[:9] == [0, 0, 1, 2, 0, 1, 2, 0, 1]


@pytest.mark.parametrize("size", [(256, 256), (512, 512)])
def test_groups_of_the_shipped_network(size: tuple[int, int]) -> None:
    """Fails where a group is more than the cache holds, or the cuts are none of the cheapest: no cut that is moved by a
    step, or left out, may cost less and fit."""
    kernels = steps_of(shipped_program(size, None))
    rows, slots, room = TaskRows(kernels.steps), single_stream(kernels), DEFAULT.group_bytes
    order = order_tasks(kernels, DEFAULT)
    cuts = [0, *(group.stop for group in order.groups)]
    assert [k for group in order.groups for k in group] == list(range(len(kernels.steps)))
    assert all(len(g) == 1 or group_of(rows, slots, g).working_set <= room for g in order.groups)
    cost = sum(group_of(rows, slots, g).traffic for g in order.groups)
    others = [sorted({*cuts[:i], cuts[i] + d, *cuts[i + 1 :]}) for i in range(1, len(cuts) - 1) for d in (-1, 1)]
    others += [cuts[:i] + cuts[i + 1 :] for i in range(1, len(cuts) - 1)]
    assert others
    for other in others:
        groups = [range(a, b) for a, b in pairwise(other)]
        fits = all(len(g) == 1 or group_of(rows, slots, g).working_set <= room for g in groups)
        assert not fits or sum(group_of(rows, slots, g).traffic for g in groups) >= cost


def plain(rows: TaskRows, slots: dict[Buffer, int], group: range) -> tuple[int, int]:
    """A group's working set and traffic, map by map."""
    written = {b for k in group for b in rows.steps[k].stage.outputs}
    read = {r.buffer for k in group for r in rows.reads[k]} - written
    left = {b for b in written if any(reader not in group for reader, _ in rows.readers[b])}
    rings = sum(slots[b] * b.row_bytes for b in written - left if b.external is None)
    constants = sum(rows.steps[k].sections["end"] for k in group)
    bytes_used = rings + constants + sum(b.row_bytes for b in read | left)
    return bytes_used, sum(b.map_bytes for b in read) + 2 * sum(b.map_bytes for b in left)


@settings(deadline=None)
@given(program=programs(), room=st.integers(1, 20000))
def test_any_groups(program: Program, room: int) -> None:
    """Fails where a group that grows step by step counts a map twice, or forgets one, or cheaper cuts are not found."""
    kernels = steps_of(program, 64)
    rows, slots, n = TaskRows(kernels.steps), single_stream(kernels), len(kernels.steps)
    costs = {}
    for stop in range(1, n + 1):
        group = Group(rows, slots, stop)
        for start in range(stop - 1, -1, -1):
            group.add(start)
            counted, costs[start, stop] = plain(rows, slots, range(start, stop))
            assert (group.working_set, group.traffic) == (counted, costs[start, stop])
            if counted > room and stop - start > 1:
                costs.pop((start, stop))
    cheapest = [0]
    for stop in range(1, n + 1):
        cheapest.append(min(cheapest[start] + costs[start, stop] for start in range(stop) if (start, stop) in costs))
    found = cut_groups(rows, slots, room)
    assert [k for group in found for k in group] == list(range(n))
    assert sum(costs[group.start, group.stop] for group in found) == cheapest[n]


def test_constants_end_a_group() -> None:
    """Fails where a group's constants would push each other out of the cache."""
    image, stages = chain(128, *["conv"] * 4)
    third = DEFAULT.group_bytes // 3
    for constants, groups in ((third - 2048, 2), (third + 1, 2), (DEFAULT.group_bytes, 4), (third // 2, 1)):
        found = order_tasks(steps_of(Program("net", stages, [image], []), constants), DEFAULT).groups
        assert len(found) == groups


def test_sweeps_pay() -> None:
    """Fails where sweeps are more than their share of the traffic: they are none where constants are most of it, and
    more, the larger a map is."""
    room = 20000
    counted = []
    for width, constants in ((4, 9000), (1000, 64), (4000, 64)):
        image, stages = chain(256, *["conv"] * 6, width=width)
        order = order_tasks(steps_of(Program("net", stages, [image], []), constants), Schedules(group_bytes=room))
        assert len(order.groups) > 1
        counted.append(order.sweeps)
    assert counted[0] == 1 < counted[1]


@pytest.mark.parametrize("sweeps", [1, 2, 3, 7])
def test_each_sweep_takes_its_share(sweeps: int) -> None:
    """Fails where a step goes on past its share of a sweep, falls behind by more than its windows, or lacks a task."""
    image, stages = chain(64, "conv", "pool", "conv", "up")
    kernels = steps_of(Program("net", stages, [image], []))
    order = run_sweeps(TaskRows(kernels.steps), [range(2), range(2, 4)], sweeps)
    assert [order.steps.count(k) for k in range(4)] == [step.tasks() for step in kernels.steps]
    first = order.steps[: next(i for i, k in enumerate(order.steps) if k >= 2)]
    share = -(-64 // sweeps)
    assert first.count(0) == share
    assert share // 2 - 1 <= first.count(1) <= -(-32 // sweeps)


def test_too_many_bands_are_one_line() -> None:
    """Fails where a plan's 16 bits would wrap."""
    image, stages = chain(MAX_TASKS + 1, "load")
    kernels = steps_of(Program("net", stages, [image], []))
    with pytest.raises(CompileError, match=f"load0: {MAX_TASKS + 1} bands of rows are more than {MAX_TASKS}"):
        order_tasks(kernels, DEFAULT)
    two = [replace(step, schedule=replace(step.schedule, band=2)) for step in kernels.steps]
    assert len(order_tasks(replace(kernels, steps=two), DEFAULT).steps) == (MAX_TASKS + 1) // 2


def test_limits_are_the_runtimes() -> None:
    """Fails where the runtime would refuse what is planned."""
    told = (ROOT / "src" / "plan.h").read_text() + HEADER.read_text()
    limits = {name: int(value) for name, value in re.findall(r"(B\w+_MAX_\w+) = (\d+)", told)}
    planned = (MAX_INPUTS, MAX_OUTPUTS, MAX_ROWS, MAX_BAND, MAX_TASKS)
    assert tuple(limits[f"BN_MAX_{n}"] for n in ("INPUTS", "OUTPUTS", "ROWS", "BAND", "TASKS")) == planned
    assert max(choices()["band"].values) == MAX_BAND
    assert limits["BIISNET_MAX_THREADS"] == MAX_THREADS
    flow = (ROOT / "src" / "flow.c").read_text()
    assert f"enum {{ WINDOW = {LOOK_AHEAD} }};" in flow
    own = {name: int(value) for name, value in re.findall(r"(BN_INSTANCE_\w+) = (\d+)", told)}
    assert own == {
        "BN_INSTANCE_BYTES": INSTANCE_BYTES,
        "BN_INSTANCE_BUFFER_BYTES": INSTANCE_BUFFER_BYTES,
        "BN_INSTANCE_STAGE_BYTES": INSTANCE_STAGE_BYTES,
    }
