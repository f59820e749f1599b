# SPDX-License-Identifier: Apache-2.0
"""`biisnet tune`: from a model and a device to records of the fastest schedule of each kernel."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..compile.errors import CompileError
from ..compile.frontend import OnnxModel
from ..compile.pipeline import PLAN_STEPS, make_plan
from ..compile.progress import Progress as Steps
from ..compile.schedules import schedules_for
from ..compile.tuning.emulated import Emulated
from ..compile.tuning.gains import Tuned, conclude
from ..compile.tuning.local import local_board
from ..compile.tuning.meter import Meter
from ..compile.tuning.records import CLOCK, Records, has_trials
from ..compile.tuning.report import curve_picture, report_text
from ..compile.tuning.rpc import BUSY, Boards, connect_board, connect_tracker
from ..compile.tuning.session import Batch, Session
from ..compile.tuning.tasks import Task, tasks_of
from ..model.files import write_whole
from ..targets import Target, cycles, emulator
from ..targets.toolchain import check_cache

CURVE, REPORT = "curve.png", "report.md"


@dataclass(frozen=True)
class Tuning:
    """Tuning that a user asked for."""

    model: OnnxModel
    size: tuple[int, int] | None
    target: Target
    database: Path
    trials: int | None  # None: all that there are
    resume: bool
    minutes: float | None = None
    device: str | None = None  # HOST:PORT of a board
    tracker: str | None = None  # HOST:PORT of a tracker of boards
    key: str | None = None  # by which it knows them
    parallel: int = 1  # boards at a time


def tune_model(asked: Tuning, say: Callable[[str], None]) -> Tuned:
    """Carry it out. Raises CompileError, ToolchainError."""
    if has_trials(asked.database) and not asked.resume:
        raise CompileError(f"{asked.database}: has records already; --resume adds to them, or give another --db")
    check_cache(say)
    with open_meter(asked, say) as (meter, measured_by):
        return tune_on(meter, measured_by, asked, say)


@contextmanager
def open_meter(asked: Tuning, say: Callable[[str], None]) -> Iterator[tuple[Meter, str]]:
    """The meter that is asked for, and what it reads seconds off: boards where some are named, this machine for a
    target whose programs it runs, else the emulated device. Raises CompileError, ToolchainError."""
    if asked.device and asked.tracker:
        raise CompileError("--device is one board and --tracker are many; give one of them")
    if not asked.tracker and (asked.key or asked.parallel != 1):
        raise CompileError("--key and --parallel are for the boards of a --tracker")
    if asked.tracker:
        key = asked.key or asked.target.name
        connect = connect_tracker(asked.tracker, key)
        say(f"device   boards called {key} of the tracker at {asked.tracker}, {asked.parallel} at a time")
        yield Boards(asked.target, connect, asked.parallel, say), CLOCK
    elif asked.device:
        connect = connect_board(asked.device)
        say(f"device   the board at {asked.device}")
        yield Boards(asked.target, connect, 1, say), CLOCK
    elif asked.target.emulated_cpu and not emulator.runs_here(asked.target):
        cycles.require_tools(asked.target)
        assert asked.target.hertz  # all that are emulated have it
        meter = Emulated(asked.target)
        say(f"device   an emulated {asked.target.cpu}: {meter.measured_by}, at {asked.target.hertz / 1e9:g} GHz")
        yield meter, meter.measured_by
    else:
        with local_board() as address:
            say("device   this machine")
            yield Boards(asked.target, connect_board(address), 1, say, BUSY), CLOCK


def tune_on(meter: Meter, measured_by: str, asked: Tuning, say: Callable[[str], None]) -> Tuned:
    """A session with a meter."""
    plan = make_plan(
        asked.model, asked.size, asked.target, Steps(PLAN_STEPS, ignore, None), schedules_for(asked.target.core)
    )
    tasks = tasks_of(plan, asked.target.core)
    say(f"tasks    {len(tasks)} kernels of {len(plan.kernels.steps)} stages")
    with Records(asked.database, asked.target, measured_by) as records:
        return tune_tasks(tasks, meter, measured_by, records, asked, say)


def tune_tasks(
    tasks: list[Task], meter: Meter, measured_by: str, records: Records, asked: Tuning, say: Callable[[str], None]
) -> Tuned:
    """A session of these tasks, and its report, however it ends."""
    bound_at = None if measured_by == CLOCK else asked.target.hertz
    budget = math.inf if asked.minutes is None else 60 * asked.minutes
    session = Session(tasks, meter, records, reporter(say, bound_at), asked.trials, budget)
    try:
        session.run()
    except BaseException:
        say(f"stopped: {session.done} trials are in {asked.database}; --resume goes on")
        raise
    finally:
        trials = records.trials()
        result = conclude(asked.database, trials, tasks, bound_at)
        write_whole(asked.database / REPORT, report_text(result, asked.model.name, asked.target.name).encode())
        write_whole(asked.database / CURVE, curve_picture(trials, tasks))
    return result


def ignore(_: str) -> None:
    """Says nothing."""


def reporter(
    say: Callable[[str], None], bound_at: float | None, clock: Callable[[], float] = time.monotonic
) -> Callable[[Batch], None]:
    """A line after each batch: how fast the task's best is, and beside what its arithmetic alone would take at a clock
    of `bound_at` Hz; how much time is left, by that of the batches of more than one so far."""
    last, seconds, trials = clock(), 0.0, 0

    def report(b: Batch) -> None:
        nonlocal last, seconds, trials
        now = clock()
        if b.new > 1:  # one alone, a default, takes a program of its own
            seconds, trials = seconds + now - last, trials + b.new
        last = now
        left = f", {seconds / trials * (b.of - b.trials) / 60:.0f} minutes left" if trials else ""
        rejected = f"; rejected: {b.rejected}" if b.rejected else ""
        say(f"[{b.trials}/{b.of}] {b.task.name}: {speed(b.task, b.best, bound_at)}{left}{rejected}")

    return report


def speed(task: Task, seconds: float | None, bound_at: float | None) -> str:
    """For a person."""
    if seconds is None:
        return "none yet"
    binary = task.stage.work.binary
    words = [f"{binary / seconds / 1e9:.1f} binary GMAC/s"] if binary else []
    words.append(f"{seconds * 1e6:.0f} us")
    if bound_at and task.bound:
        words.append(f"{task.bound / bound_at / seconds:.0%} of the issue bound")
    return ", ".join(words)
