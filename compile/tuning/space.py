# SPDX-License-Identifier: Apache-2.0
"""A kernel's schedules as a design space of MetaSchedule's.

The kernels are written by our own emitters, not by rewriting a loop nest, so a task's workload is a block in name only:
its trace samples a value for each field of the Schedule and notes it on the block, and whoever builds the candidate
reads the notes and emits the kernel anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import tirx
from tvm.ir.utils import derived_object
from tvm.s_tir import Schedule as TirSchedule
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.tune_context import _normalize_mod
from tvm.s_tir.schedule import Instruction, Trace
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812

from ..ir.schedule import Schedule
from ..schedules import SPACE

SEED = 0
BLOCK = "kernel"
NOTE = "biisnet."
"""Before a field's name, what a value is noted under."""


def workload(key: str) -> tirx.PrimFunc:
    """What stands for a kernel in MetaSchedule's database: `key` tells it from all others."""

    # by the builder: what is parsed of Python source remembers the path of its file
    with IRBuilder() as builder, T.prim_func(is_private=True, s_tir=True):
        T.func_name("main")
        cell = T.arg("cell", T.Buffer((1,), "int32"))
        with T.sblock(BLOCK):
            T.buffer_store(cell, 0, [0])
    return builder.get().with_attr({"global_symbol": "main", f"{NOTE}kernel": key})


@derived_object
class OneDecision(ms.mutator.PyMutator):
    """Mutates a trace: another value for one of its samples."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(SEED)

    def _initialize_with_tune_context(self, context: ms.TuneContext) -> None:
        pass

    def apply(self, trace: Trace, _: Any) -> Trace | None:
        """None where there is nothing to choose."""
        samples = [i for i in samples_of(trace) if len(i.attrs[0]) > 1]
        if not samples:
            return None
        sample = samples[self.rng.integers(len(samples))]
        others = [n for n in range(len(sample.attrs[0])) if n != int(trace.decisions[sample])]
        return trace.with_decision(sample, int(self.rng.choice(others)), remove_postproc=True)

    def clone(self) -> OneDecision:
        """Another that begins anew."""
        return OneDecision()


def make_space(kind: str) -> ms.space_generator.ScheduleFn:
    """The design space of kernels of a kind (a key of SPACE)."""

    def sample(schedule: TirSchedule) -> None:
        block = schedule.get_sblock(BLOCK)
        for field, values in SPACE[kind].items():
            value = schedule.sample_categorical(list(values), [1 / len(values)] * len(values))
            schedule.annotate(block, NOTE + field, value)

    return ms.space_generator.ScheduleFn(sample, sch_rules=[], postprocs=[], mutator_probs={OneDecision(): 1.0})


def candidate_of(kind: str, key: str, schedule: Schedule) -> TirSchedule:
    """The candidate that notes a Schedule, as a search would have come upon it."""
    module = _normalize_mod(workload(key))
    (design,) = make_space(kind).generate_design_space(module)
    trace = design.trace
    for field, values in SPACE[kind].items():
        sample = samples_of(trace)[list(SPACE[kind]).index(field)]
        trace = trace.with_decision(sample, values.index(getattr(schedule, field)), remove_postproc=True)
    candidate = TirSchedule(module)
    trace.apply_to_schedule(candidate, remove_postproc=True)
    return candidate


def samples_of(trace: Trace) -> list[Instruction]:
    """A trace's decisions, in the order of the space's fields."""
    return [i for i in trace.insts if i.kind.name == "SampleCategorical"]


def schedule_of(candidate: TirSchedule) -> Schedule:
    """The Schedule that a candidate notes."""
    notes = candidate.get(candidate.get_sblock(BLOCK)).annotations
    return Schedule(**{n.removeprefix(NOTE): int(v) for n, v in notes.items() if n.startswith(NOTE)})
