# SPDX-License-Identifier: Apache-2.0
"""Sessions: every schedule in the records, none twice, whatever happens between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import BinaryDot, Load, PoolSum
from biisnet.compile.schedules import DEFAULT, main_leaf, space_of
from biisnet.compile.storage import Bits, Planes
from biisnet.compile.tuning.meter import Measurement, Outcome
from biisnet.compile.tuning.records import TRIALS, Records, merge
from biisnet.compile.tuning.session import Batch, Session
from biisnet.compile.tuning.tasks import Task, make_task
from biisnet.compile.tuning.trials import Trial
from biisnet.targets import resolve
from biisnet.targets.toolchain import ToolchainError

RPI4, BY = resolve("rpi4"), "clock"


def tasks() -> list[Task]:
    """Two kernels."""
    x, y = Buffer("x", "x", 8, 4, 16), Buffer("y", "y", 8, 4, 16)
    loading = Stage.of("loading", (), (Load(8, x),), [y])
    pooling = Stage.of("pooling", (), (PoolSum(8, x),), [Buffer("z", "z", 8, 2, 8)])
    return [make_task(s.name, s, uses, RPI4.core) for s, uses in ((loading, 1), (pooling, 3))]


class Counting:
    """A meter whose times follow from the schedule; it rejects eight channels."""

    def __init__(self, fails: BaseException | None = None, after: int = 3) -> None:
        self.asked: list[tuple[str, Schedule]] = []
        self.fails, self.after = fails, after
        self.batches = 0

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[Outcome]:
        if self.fails and self.batches >= self.after:
            raise self.fails
        self.batches += 1
        assert schedules[0] == DEFAULT.of(stage)
        assert len(set(schedules)) == len(schedules)
        self.asked += [(stage.name, s) for s in schedules if len(schedules) == 1 or s != schedules[0]]
        return [
            "wrong"
            if s.channels == 8
            else Measurement(1e-6 * sum(v for v in astuple(s) if isinstance(v, int)), l1d_misses=7)
            for s in schedules
        ]


def run(folder: Path, meter: Counting, trials: int | None = None) -> list[Batch]:
    """A session on a folder's records."""
    seen: list[Batch] = []
    with Records(folder, RPI4, BY) as records:
        Session(tasks(), meter, records, seen.append, trials).run()
    return seen


def test_all_is_measured_once_and_the_best_is_kept(tmp_path: Path) -> None:
    meter = Counting()
    seen = run(tmp_path, meter)
    everything = {(t.name, s) for t in tasks() for s in space_of(main_leaf(t.stage))}
    assert sorted(meter.asked, key=str) == sorted(everything, key=str)  # each once
    records = Records(tmp_path, RPI4)
    trials = records.trials()
    assert [(t.kernel, t.schedule) for t in trials] == meter.asked  # in the order that they were measured
    assert len(trials) == len({(t.key, t.schedule) for t in trials}) == len(everything)
    for task in tasks():
        assert records.best()[task.key].schedule == Schedule(1)
        (rejected,) = (t for t in trials if t.key == task.key and t.schedule.channels == 8)
        assert (rejected.seconds, rejected.rejected) == (None, "wrong")
    assert {t.l1d_misses for t in trials} == {None, 7}  # what was counted is recorded
    assert [b.rejected for b in seen] == [None, None, "wrong", "wrong"]
    assert {b.of for b in seen} == {len(everything)}
    assert [b.trials for b in seen] == [1, 2, 5, 8]


def test_defaults_first_then_what_costs_the_most(tmp_path: Path) -> None:
    """Three stages pool."""
    seen = run(tmp_path, Counting())
    assert [b.task.name for b in seen] == ["loading", "pooling", "pooling", "loading"]


def test_a_large_space_is_measured_in_batches(tmp_path: Path) -> None:
    bits = Buffer("bits", "x", 8, 4, 16, Bits(), Planes("zero"))
    window = Window((3, 3), pads=(1, 1, 1, 1))
    dot = BinaryDot(8, bits, np.zeros((8, 8, 3, 3), bool), window)
    task = make_task("counting", Stage.of("counting", (), (dot,), [Buffer("y", "y", 8, 4, 16)]), 1, RPI4.core)
    seen: list[Batch] = []
    Session([task], Counting(), Records(tmp_path, RPI4, BY), seen.append).run()
    assert [b.trials for b in seen] == [1, *range(13, 576, 12), 576]


@pytest.mark.parametrize(("trials", "batches"), [(1, [1]), (3, [1, 2, 3]), (100, [1, 2, 5, 8])])
def test_no_more_than_is_asked_for(trials: int, batches: list[int], tmp_path: Path) -> None:
    seen = run(tmp_path, Counting(), trials)
    assert [b.trials for b in seen] == batches
    assert {b.of for b in seen} == {batches[-1]}
    assert len(Records(tmp_path, RPI4).trials()) == batches[-1]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ToolchainError("qemu is gone")])
@pytest.mark.parametrize("after", [1, 3])
def test_what_a_meter_raises_is_raised(error: BaseException, after: int, tmp_path: Path) -> None:
    """And what was measured before is kept."""
    meter = Counting(error, after)
    with pytest.raises(type(error)) as caught:
        run(tmp_path, meter)
    assert caught.value is error
    assert [(t.kernel, t.schedule) for t in Records(tmp_path, RPI4).trials()] == meter.asked


def test_other_models_trials_do_not_count(tmp_path: Path) -> None:
    run(tmp_path, Counting())
    other = Buffer("x", "x", 16, 4, 16)
    stage = Stage.of("other", (), (Load(16, other),), [Buffer("y", "y", 16, 4, 16)])
    seen: list[Batch] = []
    records = Records(tmp_path, RPI4, BY)
    before = len(records.trials())
    Session([make_task("other", stage, 1, RPI4.core)], Counting(), records, seen.append, 3).run()
    assert len(records.trials()) == before + 3
    assert (seen[0].trials, seen[0].of) == (1, 3)


def test_time_is_up(tmp_path: Path) -> None:
    """A budget of nothing leaves nothing, and is no error."""
    Session(tasks(), Counting(), Records(tmp_path, RPI4, BY), lambda _: None, budget=-1).run()
    assert Records(tmp_path, RPI4).trials() == []


def test_databases_merge(tmp_path: Path) -> None:
    """Every trial of either; of one in both, the faster."""
    run(tmp_path / "a", Counting(), 6)
    slow, task = Records(tmp_path / "b", RPI4, BY), tasks()[0]
    for schedule, seconds in ((Schedule(2), 1.0), (Schedule(4), None), (Schedule(1), 1e-9)):
        slow.add(Trial(task.key, "load", schedule, seconds, None if seconds else "wrong"))
    wanted: dict[tuple[str, Schedule], float] = {}
    for trial in [*Records(tmp_path / "a", RPI4).trials(), *slow.trials()]:
        seconds = math.inf if trial.seconds is None else trial.seconds
        wanted[trial.key, trial.schedule] = min(seconds, wanted.get((trial.key, trial.schedule), math.inf))
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    merged = Records(tmp_path / "c", RPI4).trials()
    assert {(t.key, t.schedule): math.inf if t.seconds is None else t.seconds for t in merged} == wanted
    assert len(merged) == len(wanted)
    assert merge([tmp_path / "a", tmp_path / "b"], tmp_path / "e", best=True) == len(tasks())
    assert Records(tmp_path / "e", RPI4).best() == Records(tmp_path / "c", RPI4).best()
    only_rejected = Records(tmp_path / "f", RPI4, BY)
    only_rejected.add(Trial(task.key, "load", Schedule(4), None, "wrong"))
    assert merge([tmp_path / "f"], tmp_path / "g", best=True) == 0
    assert {p.name for p in tmp_path.iterdir()} == set("abcefg")
    with pytest.raises(CompileError, match="c: has records already"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    for folders in (["nothing", "b"], ["b", "nothing"]):
        with pytest.raises(CompileError, match=r"nothing: (not a|no) tuning database"):
            merge([tmp_path / f for f in folders], tmp_path / "d")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_session_goes_on(cut: int, tmp_path: Path) -> None:
    """Half a line at the end is what kill -9 leaves of a writer. The first trials are the default schedules."""
    first, second = Counting(), Counting()
    run(tmp_path, first, cut)
    assert len(Records(tmp_path, RPI4).trials()) == cut
    defaults = [(t.name, DEFAULT.of(t.stage)) for t in tasks()]
    assert first.asked[: len(defaults)] == defaults[:cut]
    with (tmp_path / TRIALS).open("ab") as file:
        file.write(b'{"kernel": "lo')
    seen = run(tmp_path, second)
    trials = Records(tmp_path, RPI4).trials()
    assert len(trials) == len({(t.key, t.schedule) for t in trials}) == 8
    assert not set(first.asked) & set(second.asked)
    assert {b.of for b in seen} == {8}
    assert run(tmp_path, third := Counting()) == []
    assert third.asked == []
