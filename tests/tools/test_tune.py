# SPDX-License-Identifier: Apache-2.0
"""The words of a tuning session."""

from __future__ import annotations

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import PoolSum
from biisnet.compile.tuning.session import Batch
from biisnet.compile.tuning.tasks import make_task
from biisnet.targets.cores import CORTEX_A72
from biisnet.tools.tune import reporter

X, Y = Buffer("x", "x", 8, 4, 16), Buffer("y", "y", 8, 2, 8)
TASK = make_task("pool", Stage.of("pooling", (), (PoolSum(8, X),), [Y]), 1, CORTEX_A72)


def said(*batches: tuple[float, Batch], bound_at: float | None = None) -> list[str]:
    """Lines of a session whose batches end at some seconds."""
    lines: list[str] = []
    times = iter([0.0, *(at for at, _ in batches)])
    report = reporter(lines.append, bound_at, lambda: next(times))
    for _, batch in batches:
        report(batch)
    return lines


def test_time_is_that_of_batches() -> None:
    """Fails where what the default schedules took, one by one, is taken for the speed of all."""
    assert said(
        (100.0, Batch(TASK, 1, 1, 61, 2e-6, None)),
        (160.0, Batch(TASK, 12, 13, 61, 1e-6, "it crashed")),
        (400.0, Batch(TASK, 12, 25, 61, 1e-6, None)),
    ) == [
        "[1/61] pool: 2 us",
        "[13/61] pool: 1 us, 4 minutes left; rejected: it crashed",
        "[25/61] pool: 1 us, 8 minutes left",
    ]


def test_nothing_is_measured_yet() -> None:
    assert said((1.0, Batch(TASK, 1, 1, 1, None, "it crashed"))) == ["[1/1] pool: none yet; rejected: it crashed"]


def test_the_bound() -> None:
    """Where the clock of the cycle model is known."""
    assert TASK.bound
    best = 2 * TASK.bound / 1e9
    (line,) = said((1.0, Batch(TASK, 1, 1, 2, best, None)), bound_at=1e9)
    assert line.endswith(" us, 50% of the issue bound")
