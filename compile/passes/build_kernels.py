# SPDX-License-Identifier: Apache-2.0
"""Program -> row kernels: one PrimFunc for all stages of the same structure, a parameter block for each stage."""

from __future__ import annotations

from tvm import tirx
from tvm_ffi import structural_equal, structural_hash

from ...targets.cores import Core
from ..errors import CompileError
from ..ir.limits import MAX_INPUTS, MAX_OUTPUTS, MAX_ROWS
from ..ir.schedule import Record, Schedule
from ..ir.stages import Program, Stage
from ..ir.steps import Kernels, Step
from ..kernels.row_kernel import RowKernel, build, key_of
from ..schedules import Schedules, main_leaf, outside_space


def build_kernels(program: Program, core: Core, schedules: Schedules) -> Kernels:
    """One kernel for each distinct structure among the stages. Constants have to lie alike too: a border table of a map
    of one row is shorter than one of two, by the same code."""
    funcs: dict[str, tirx.PrimFunc] = {}
    known: dict[int, list[tuple[tirx.PrimFunc, dict[str, int], str]]] = {}
    steps = []
    for stage in program.stages:
        schedule = schedules.of(stage)
        record = schedules.records.get(key_of(stage, core, schedule)) if schedules.records else None
        if record:
            check_record(stage, record)
            schedule = record.schedule
        built = build(stage, "kernel", core, schedule)
        check_limits(stage, built)
        same = known.setdefault(structural_hash(built.func), [])
        places = built.parameters.section_offsets()
        name = next((n for f, at, n in same if at == places and structural_equal(f, built.func)), None)
        if name is None:
            name = unused_name(stage, funcs)
            same.append((built.func, places, name))
            funcs[name] = built.func.with_attr("global_symbol", name)
        steps.append(step_of(stage, name, built, schedule, record))
    return Kernels(funcs, steps)


def step_of(stage: Stage, name: str, built: RowKernel, schedule: Schedule, record: Record | None = None) -> Step:
    """The step that calls a stage's kernel under a name."""
    p = built.parameters
    return Step(stage, name, built.operands, p.to_bytes(), p.counts(), p.section_offsets(), schedule, record)


def check_record(stage: Stage, record: Record) -> None:
    """Raise CompileError where a record has a schedule that no tuner may choose."""
    if wrong := outside_space(main_leaf(stage), record.schedule):
        raise CompileError(f"layer '{stage.name}': a {record.database} record has {wrong}, which is not to choose from")


def check_limits(stage: Stage, kernel: RowKernel) -> None:
    """Raise CompileError where a stage does not fit the runtime's plan."""
    rows = 0 if stage.parts else sum(op.count for op in kernel.operands)  # without rows it gets a pointer a map
    if rows > MAX_ROWS or len(kernel.operands) > MAX_INPUTS or len(stage.outputs) > MAX_OUTPUTS:
        raise CompileError(
            f"layer '{stage.name}': reads {rows} rows of {len(kernel.operands)} maps and stores {len(stage.outputs)}; "
            f"{MAX_ROWS} rows of {MAX_INPUTS} maps and {MAX_OUTPUTS} are supported"
        )


def unused_name(stage: Stage, taken: dict[str, tirx.PrimFunc]) -> str:
    """A name that says what the kernel does: its main leaf, its channels and its width."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in main_leaf(stage))
    base = f"bn{words}_c{stage.outputs[0].channels}_w{stage.width}"
    return next(n for n in (base, *(f"{base}_{i}" for i in range(2, len(taken) + 3))) if n not in taken)
