# SPDX-License-Identifier: Apache-2.0
"""The records that come with the package are of the kernels that the shipped networks have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.tuning.records import ABOUT, CLOCK, SHIPPED, TRIALS, Records, tuned_schedules
from biisnet.compile.tuning.tasks import make_task
from biisnet.compile.tuning.trials import Trial, to_line
from biisnet.targets import resolve
from biisnet.tools.models import resolve_model

RPI4 = resolve("rpi4")


@pytest.mark.parametrize("size", [(256, 256), (512, 512)])
@pytest.mark.parametrize("network", ["biisnet", "biisnet-lite"])
def test_every_kernel_has_one(network: str, size: tuple[int, int]) -> None:
    """Fails where a kernel's code has changed since it was tuned: tune it again (docs/tuning.md)."""
    progress = Progress(PLAN_STEPS, lambda _: None, None)
    plan = make_plan(resolve_model(network), size, RPI4, progress, tuned_schedules(RPI4))
    count = len(plan.kernels.funcs)
    assert plan.kernels.summary() == f"{count}: {count} as shipped records have them"


def test_the_fastest_trials_alone() -> None:
    records = Records(SHIPPED / "rpi4", RPI4)
    trials = records.trials()
    assert {t.key: t for t in trials} == records.best()
    assert len(trials) == len(records.best())


@pytest.mark.parametrize("target", ["rpi4", "host"])
def test_they_are_as_they_are_written(target: str) -> None:
    """In the order that `biisnet merge --best` leaves, a small file: a change is a few lines to read."""
    about = json.loads((SHIPPED / target / ABOUT).read_text())
    machine = replace(resolve(target), cpu=about["cpu"], llvm_features=tuple(about["features"]))
    trials = Records(SHIPPED / target, machine).trials()
    assert trials == sorted(trials, key=lambda t: (t.kernel, t.key))
    content = (SHIPPED / target / TRIALS).read_bytes()
    assert content == b"".join(map(to_line, trials))
    assert len(content) < 300 * len(trials)


def test_of_two_records_the_faster_one(tmp_path: Path) -> None:
    """Where one model has measured both; what a board's clock has measured, or a model of more, is believed."""
    shipped = tuned_schedules(RPI4).records
    progress = Progress(PLAN_STEPS, lambda _: None, None)
    stage = make_plan(resolve_model("biisnet"), (256, 256), RPI4, progress, DEFAULT).kernels.steps[0].stage
    task = make_task("load", stage, 1, RPI4.core)
    theirs = shipped[task.key]
    for by, seconds, expected in (
        ("model cycles", theirs.seconds * 1.1, "shipped"),
        ("model cycles", theirs.seconds * 0.9, "user's"),
        ("clock", theirs.seconds * 1.1, "user's"),
        ("model time", theirs.seconds * 1.1, "user's"),
    ):
        folder = tmp_path / f"{by} {seconds}"
        Records(folder, RPI4, by).add(Trial(task.key, "load", Schedule(1), seconds))
        assert tuned_schedules(RPI4, folder).records[task.key].database == expected


def test_another_machines_clock_is_not_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fails where records that a faster machine's clock has made hide one's own."""
    key = "ab" * 32
    for folder, seconds in ((tmp_path / "shipped" / "rpi4", 1e-6), (tmp_path / "own", 1.0)):
        with Records(folder, RPI4, CLOCK) as records:
            records.add(Trial(key, "load", Schedule(1), seconds))
    monkeypatch.setattr("biisnet.compile.tuning.records.SHIPPED", tmp_path / "shipped")
    assert tuned_schedules(RPI4, tmp_path / "own").records[key].database == "user's"


def test_other_targets_have_none() -> None:
    """A record is of one CPU: another one's kernels are compiled by the default schedules."""
    assert not tuned_schedules(resolve("rpi5")).records
    assert not tuned_schedules(replace(RPI4, cpu="cortex-a76")).records
    assert not tuned_schedules(replace(RPI4, llvm_features=("+sve",))).records


def test_the_host_of_the_records_has_those_of_kernels_that_are() -> None:
    """Fails where a kernel's code has changed since, or a CPU like that one's is not recognised. Kernels that are newer
    than the last session on such a CPU take the default schedules: counts of twins, and what was cut around them."""
    about = json.loads((SHIPPED / "host" / ABOUT).read_text())
    host = replace(resolve("host"), cpu=about["cpu"], llvm_features=tuple(about["features"]))
    theirs, ours = tuned_schedules(RPI4).records.keys(), tuned_schedules(host).records.keys()
    assert ours < theirs
    assert len(theirs - ours) == 10
