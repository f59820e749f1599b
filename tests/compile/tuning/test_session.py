# SPDX-License-Identifier: Apache-2.0
"""Sessions: every trial in the records, none twice, whatever happens between."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Load, PoolSum
from biisnet.compile.schedules import DEFAULT, SPACE
from biisnet.compile.tuning.lines import Trial
from biisnet.compile.tuning.records import TRIALS, Records, merge
from biisnet.compile.tuning.session import Progress, Session
from biisnet.compile.tuning.tasks import Task, make_task
from biisnet.targets import resolve
from biisnet.targets.toolchain import ToolchainError

RPI4, BY = resolve("rpi4"), "clock"


def tasks() -> list[Task]:
    """Two kernels."""
    x, y = Buffer("x", "x", 8, 4, 16), Buffer("y", "y", 8, 4, 16)
    loading = Stage.of("loading", (), (Load(8, x),), [y])
    pooling = Stage.of("pooling", (), (PoolSum(8, x),), [Buffer("z", "z", 8, 2, 8)])
    return [make_task(s.name, s, uses) for s, uses in ((loading, 1), (pooling, 3))]


class Counting:
    """A device whose times follow from the schedule; it rejects eight channels."""

    def __init__(self, fails: BaseException | None = None, after: int = 3) -> None:
        self.asked: list[tuple[str, Schedule]] = []
        self.fails, self.after = fails, after

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[float | str]:
        if self.fails and len(self.asked) >= self.after:
            raise self.fails
        self.asked += [(stage.name, s) for s in schedules[1:]]
        return ["wrong" if s.channels == 8 else 1e-6 * sum(astuple(s)) for s in schedules]


def run(folder: Path, trials: int, device: Counting) -> list[Progress]:
    """A session on a folder's records."""
    seen: list[Progress] = []
    with Records(folder, RPI4, BY) as records:
        Session(tasks(), device, RPI4, records, trials, seen.append).run()
    return seen


def test_all_is_tried_once_and_the_best_is_kept(tmp_path: Path) -> None:
    device = Counting()
    seen = run(tmp_path, 100, device)
    everything = {(t.name, Schedule(n)) for t in tasks() for n in SPACE["Load"]["channels"]}
    assert sorted(device.asked, key=str) == sorted(everything, key=str)  # each once
    records = Records(tmp_path, RPI4)
    trials = list(records.trials())
    names = {t.key: t.name for t in tasks()}
    assert [(names[t.key], t.schedule) for t in trials] == device.asked  # in the order that they were measured
    assert len(trials) == len({(t.key, t.schedule) for t in trials}) == len(everything)
    for task in tasks():
        assert records.best()[task.key].schedule == Schedule(1)
        assert [t.seconds for t in trials if t.key == task.key and t.schedule.channels == 8] == [None]
    assert "wrong" in {p.rejected for p in seen}
    assert {p.of for p in seen} == {len(everything)}  # there is no more to try, whatever was asked for


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ToolchainError("qemu is gone")])
@pytest.mark.parametrize("after", [1, 3])
def test_what_a_device_raises_is_raised(error: BaseException, after: int, tmp_path: Path) -> None:
    """Through MetaSchedule too, and what was measured before is kept."""
    device = Counting(error, after)
    with pytest.raises(type(error)) as caught:
        run(tmp_path, 100, device)
    assert caught.value is error
    names = {t.key: t.name for t in tasks()}
    assert [(names[t.key], t.schedule) for t in Records(tmp_path, RPI4).trials()] == device.asked


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from biisnet.compile.tuning import cost_model
from tests.compile.tuning.test_session import Counting, run
cost_model.predict_scores = lambda *_: os.kill(os.getpid(), signal.SIGINT)
try:
    run(Path(sys.argv[1]), 100, Counting())
except KeyboardInterrupt:
    restored = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print("interrupted", restored)
"""


def test_ctrl_c_between_two_measurements(tmp_path: Path) -> None:
    """In a callback of MetaSchedule's, which makes an error of its own of it. (Signals come to the main thread, so this
    is a process of its own.)"""
    # as a shell's background job, the process might have Ctrl-C ignored from the start
    program = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{INTERRUPTED}"
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "interrupted True\n"), done.stderr
    assert len(list(Records(tmp_path, RPI4).trials())) >= 2


def test_other_models_trials_do_not_count(tmp_path: Path) -> None:
    run(tmp_path, 4, Counting())
    other = Buffer("x", "x", 16, 4, 16)
    stage = Stage.of("other", (), (Load(16, other),), [Buffer("y", "y", 16, 4, 16)])
    seen: list[Progress] = []
    records = Records(tmp_path, RPI4, BY)
    before = len(list(records.trials()))
    Session([make_task("other", stage, 1)], Counting(), RPI4, records, 3, seen.append).run()
    assert len(list(records.trials())) >= before + 3
    assert seen[0].trials == 1


def test_time_is_up(tmp_path: Path) -> None:
    """A budget of nothing leaves nothing, and is no error."""
    Session(tasks(), Counting(), RPI4, Records(tmp_path, RPI4, BY), 100, lambda _: None, budget=-1).run()
    assert list(Records(tmp_path, RPI4).trials()) == []


def test_databases_merge(tmp_path: Path) -> None:
    """Every trial of either; of one in both, the faster."""
    run(tmp_path / "a", 4, Counting())
    slow, task = Records(tmp_path / "b", RPI4, BY), tasks()[0]
    for schedule, seconds in ((Schedule(2), 1.0), (Schedule(4), None), (Schedule(1), 1e-9)):
        slow.add(Trial(task.key, schedule, seconds), "Load")
    wanted: dict[tuple[str, Schedule], float] = {}
    for trial in [*Records(tmp_path / "a", RPI4).trials(), *slow.trials()]:
        seconds = math.inf if trial.seconds is None else trial.seconds
        wanted[trial.key, trial.schedule] = min(seconds, wanted.get((trial.key, trial.schedule), math.inf))
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    merged = list(Records(tmp_path / "c", RPI4).trials())
    assert {(t.key, t.schedule): math.inf if t.seconds is None else t.seconds for t in merged} == wanted
    assert len(merged) == len(wanted)
    assert merge([tmp_path / "a", tmp_path / "b"], tmp_path / "e", best=True) == len(tasks())
    assert Records(tmp_path / "e", RPI4).best() == Records(tmp_path / "c", RPI4).best()
    only_rejected = Records(tmp_path / "f", RPI4, BY)
    only_rejected.add(Trial(task.key, Schedule(4), None), "Load")
    assert merge([tmp_path / "f"], tmp_path / "g", best=True) == 0
    assert {p.name for p in tmp_path.iterdir()} == set("abcefg")
    with pytest.raises(CompileError, match="c: has records already"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    for folders in (["nothing", "b"], ["b", "nothing"]):
        with pytest.raises(CompileError, match=r"nothing: (not a|no) tuning database"):
            merge([tmp_path / f for f in folders], tmp_path / "d")
    assert not (tmp_path / "nothing").exists()


def test_a_session_goes_on(tmp_path: Path) -> None:
    """Half a line at the end is what kill -9 leaves of a writer."""
    first, second = Counting(), Counting()
    # the first trials are the default schedules
    run(tmp_path, 3, first)
    count = len(list(Records(tmp_path, RPI4).trials()))
    assert count == 3
    defaults = [(t.name, DEFAULT.of(t.stage)) for t in tasks()]
    assert first.asked[: len(defaults)] == defaults
    with (tmp_path / TRIALS).open("ab") as file:
        file.write(b"[0, [[")
    run(tmp_path, 100, second)
    trials = list(Records(tmp_path, RPI4).trials())
    assert len(trials) == len({(t.key, t.schedule) for t in trials}) == 8
    assert not set(defaults) & set(second.asked)
