"""The records that come with the package are of the kernels that the shipped networks have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from biisnet.compile.models import resolve_model
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.tuning.records import SHIPPED, Records, tuned_schedules
from biisnet.targets import resolve

RPI4 = resolve("rpi4")


@pytest.mark.parametrize("size", [(256, 256), (512, 512)])
@pytest.mark.parametrize("network", ["biisnet", "biisnet-lite"])
def test_every_kernel_has_one(network: str, size: tuple[int, int]) -> None:
    """Fails where a kernel's code has changed since it was tuned: tune it again (docs/tuning.md)."""
    progress = Progress(PLAN_STEPS, lambda _: None, None)
    plan = make_plan(resolve_model(network), size, progress, tuned_schedules(RPI4))
    count = len(plan.kernels.funcs)
    assert plan.kernels.summary() == f"{count}: {count} as shipped records have them"


def test_the_fastest_trials_alone() -> None:
    records = Records(SHIPPED / "rpi4", RPI4, "model cycles")
    trials = list(records.trials())
    assert {t.key: t for t in trials} == records.best()
    assert len(trials) == len(records.best())


def test_other_targets_have_none() -> None:
    """A record is of one CPU: another one's kernels are compiled by the default schedules."""
    assert not tuned_schedules(resolve("rpi5")).records
    assert not tuned_schedules(replace(RPI4, cpu="cortex-a76")).records
