# SPDX-License-Identifier: Apache-2.0
"""What a session found, from its trials alone; and what it leaves to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import PoolSum
from biisnet.compile.kernels.issue_bound import issue_bound
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.tuning.gains import Tuned, conclude, table_of
from biisnet.compile.tuning.report import curve, curve_picture, report_text
from biisnet.compile.tuning.tasks import Task, make_task
from biisnet.compile.tuning.trials import Trial
from biisnet.targets.cores import CORTEX_A72


def pooling(channels: int, uses: int) -> Task:
    """A kernel."""
    x, y = Buffer("x", "x", channels, 4, 16), Buffer("y", "y", channels, 2, 8)
    return make_task(f"pool{channels}", Stage.of("pooling", (), (PoolSum(channels, x),), [y]), uses, CORTEX_A72)


ONE, TWO = pooling(8, 1), pooling(16, 3)
DEFAULTS = {task.key: DEFAULT.of(task.stage) for task in (ONE, TWO)}
TRIALS = [
    Trial(ONE.key, "pool8", DEFAULTS[ONE.key], 4e-6),
    Trial("another model's", "pool", Schedule(1), 1e-9),
    Trial(TWO.key, "pool16", DEFAULTS[TWO.key], 2e-6),
    Trial(TWO.key, "pool16", Schedule(8), None, "why"),
    Trial(ONE.key, "pool8", Schedule(4), 3e-6),
    Trial(ONE.key, "pool8", Schedule(2), 3e-6),
    Trial(TWO.key, "pool16", Schedule(2), 5e-6),
]


def found(hertz: float | None = None) -> Tuned:
    return conclude(Path("db"), TRIALS, [ONE, TWO], hertz)


def test_gains() -> None:
    one, two = found().gains
    assert (one.default_seconds, one.best_seconds) == (4e-6, 3e-6)
    assert one.schedule == Schedule(2)  # of equals always the same one
    assert (two.default_seconds, two.best_seconds) == (pytest.approx(6e-6),) * 2  # three stages use it
    assert found().summary() == "db: 7 trials, 1 rejected; kernels take 10.0% less than by the default schedules"
    row = table_of(found()).splitlines()[1].split()
    assert row[:7] == ["pool8", "1", "4.0", "3.0", "25.0%", "-", "channels"]


def test_the_bound_stands_beside_model_cycles() -> None:
    result = found(1e9)
    bounds = [issue_bound(t.stage, CORTEX_A72) or 0 for t in (ONE, TWO)]
    assert [g.bound_seconds for g in result.gains] == [bounds[0] / 1e9, bounds[1] / 1e9 * 3]
    assert min(bounds) > 0
    share = sum(g.bound_seconds or 0 for g in result.gains) / 9e-6
    assert result.summary().endswith(f"; {share:.0%} of that is the issue bound")


def test_what_the_best_is_made_of() -> None:
    """Fails where one stage's figures stand for all that use the kernel, or the default's for the best's."""
    fast = Trial(TWO.key, "pool16", Schedule(4), 1e-6, cycles=1000, l1d_misses=7, dram_bytes=64)
    one, two = conclude(Path("db"), [*TRIALS, fast], [ONE, TWO], 1e9).gains
    assert (two.best_cycles, two.best_l1d_misses, two.best_dram_bytes) == (3000, 21, 192)
    assert (one.best_cycles, one.best_l1d_misses, one.best_dram_bytes) == (None, None, None)


def test_nothing_is_measured_yet() -> None:
    """As where the time was up before the first default was measured."""
    result = conclude(Path("db"), TRIALS[1:2], [ONE], None)
    assert result.gains == ()
    assert result.summary() == "db: 1 trials, 0 rejected; no kernel is measured yet"


def test_curve() -> None:
    """It begins when each kernel has a time, and never rises."""
    assert curve(TRIALS, [ONE, TWO]) == pytest.approx([1e-5, 1e-5, 9e-6, 9e-6, 9e-6])
    assert curve_picture(TRIALS, [ONE, TWO]).startswith(b"\x89PNG")


def test_report() -> None:
    text = report_text(found(), "net", "rpi4")
    assert text.startswith("# net on rpi4\n\n7 trials, 1 rejected\n\n![")
    assert table_of(found()) in text
