# SPDX-License-Identifier: Apache-2.0
"""The design space: what MetaSchedule samples, mutates and keeps is a Schedule of ours."""

import itertools
from dataclasses import asdict
from pathlib import Path

import pytest
from tvm.s_tir import Schedule as TirSchedule
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.tune_context import _normalize_mod

from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.schedules import SPACE
from biisnet.compile.tuning.space import OneDecision, candidate_of, make_space, schedule_of, workload


def sampled(kind: str, seed: int = 1) -> TirSchedule:
    """A random candidate."""
    (design,) = make_space(kind).generate_design_space(_normalize_mod(workload("a")))
    schedule = TirSchedule(_normalize_mod(workload("a")), seed=seed)
    design.trace.apply_to_schedule(schedule, remove_postproc=True, decision_provider=lambda *_: None)
    return schedule


@pytest.mark.parametrize("kind", SPACE)
def test_a_candidate_is_a_schedule_of_the_space(kind: str) -> None:
    seen = set()
    for seed in range(1, 12):
        schedule = schedule_of(sampled(kind, seed))
        for field, values in SPACE[kind].items():
            assert getattr(schedule, field) in values
        seen.add(schedule)
    assert len(seen) > 2


@pytest.mark.parametrize("kind", SPACE)
def test_there_and_back(kind: str) -> None:
    for values in itertools.product(*SPACE[kind].values()):
        schedule = Schedule(**dict(zip(SPACE[kind], values, strict=True)))
        assert schedule_of(candidate_of(kind, "a", schedule)) == schedule


def test_a_mutation_changes_one_decision() -> None:
    before = sampled("BinaryDot")
    mutator = OneDecision()
    for _ in range(10):
        trace = mutator.apply(before.trace)
        assert trace is not None
        after = TirSchedule(_normalize_mod(workload("a")))
        trace.apply_to_schedule(after, remove_postproc=True)
        one, other = asdict(schedule_of(before)), asdict(schedule_of(after))
        assert sum(one[field] != other[field] for field in one) == 1


def test_kernels_are_told_apart_in_a_database(tmp_path: Path) -> None:
    database = ms.database.JSONDatabase(work_dir=str(tmp_path))
    for key in ("a", "b"):
        assert not database.has_workload(_normalize_mod(workload(key)))
        database.commit_workload(_normalize_mod(workload(key)))
    again = ms.database.JSONDatabase(work_dir=str(tmp_path))
    assert again.has_workload(_normalize_mod(workload("a")))
    assert not again.has_workload(_normalize_mod(workload("c")))
