# SPDX-License-Identifier: Apache-2.0
"""Rows of tasks, by hand: a map of ten rows, four a task, and its averages, of five rows, two a task."""

from __future__ import annotations

import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.kernels import Load, PoolSum
from biisnet.compile.passes.task_rows import Read, TaskRows

from .graphs import steps_of

SOURCE, MAP, HALF = (Buffer(n, n, 1, rows, 6) for n, rows in (("x", 10), ("m", 10), ("y", 5)))


@pytest.fixture(scope="module")
def rows() -> TaskRows:
    """Of both steps."""
    stages = [Stage.of("m", ("m",), (Load(1, SOURCE),), [MAP]), Stage.of("y", ("y",), (PoolSum(1, MAP),), [HALF])]
    return TaskRows(steps_of(Program("net", stages, [SOURCE], [HALF]), bands=[4, 2]).steps)


def test_what_is_read(rows: TaskRows) -> None:
    """Fails where a task asks for other rows than its band's; the image is there from the start."""
    assert rows.counts == [3, 3]
    assert rows.reads == [[], [Read(MAP, 0, [0, 4, 8], [4, 8, 10])]]


def test_what_is_there(rows: TaskRows) -> None:
    """Fails where a last band counts as a whole one, or a task begins too early."""
    assert [rows.finished_rows(0, n) for n in range(4)] == [0, 4, 8, 10]
    found = [[rows.has_inputs(1, task, [n, 0]) for task in range(3)] for n in range(4)]
    assert found == [[False] * 3, [True, False, False], [True, True, False], [True] * 3]


@pytest.mark.parametrize(("task", "finished", "slots"), [(0, [0, 0], 4), (2, [2, 1], 6), (2, [2, 2], 2)])
def test_slots(rows: TaskRows, task: int, finished: list[int], slots: int) -> None:
    """Fails where a row that is yet to be read has no place."""
    assert rows.slots_for(0, MAP, task, finished) == slots
