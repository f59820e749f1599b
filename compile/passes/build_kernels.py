"""Program -> row kernels: one PrimFunc for all stages of the same structure, a parameter block for each stage."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tvm import tirx
from tvm_ffi import structural_equal, structural_hash

from ..errors import CompileError
from ..kernels.row_kernel import RowKernel, build, key_of
from ..program import Operand, Program, Stage
from ..schedules import DEFAULT, Record, Schedule, Schedules, main_leaf, outside_space

MAX_INPUTS, MAX_OUTPUTS, MAX_ROWS, MAX_SEGMENT = 8, 4, 32, 64  # as runtime/src/plan.h has them


@dataclass(frozen=True)
class Step:
    """A stage ready to run: its kernel's name, its rows, its constants."""

    stage: Stage
    kernel: str
    operands: tuple[Operand, ...]
    parameters: bytes  # as the library carries them
    counts: dict[str, int]  # element type -> constants of it
    sections: dict[str, int]  # element type -> byte offset among the spread constants; "end" is their size
    schedule: Schedule
    record: Record | None = None  # that the schedule is of; None: it is the default one


@dataclass(frozen=True)
class Kernels:
    """The kernels by name, and the steps that call them."""

    funcs: dict[str, tirx.PrimFunc]
    steps: list[Step]

    def summary(self) -> str:
        """How many, and where their schedules are from, in a line for a person."""
        whose = Counter(r.database if r else None for r in {step.kernel: step.record for step in self.steps}.values())
        untuned = whose.pop(None, 0)
        parts = [f"{n} as {whose} records have them" for whose, n in sorted(whose.items())]
        parts += [f"{untuned} by the default schedule, not tuned"] if untuned else []
        return f"{len(self.funcs)}: {', '.join(parts)}"


def build_kernels(program: Program, schedules: Schedules = DEFAULT) -> Kernels:
    """One kernel for each distinct structure among the stages."""
    funcs: dict[str, tirx.PrimFunc] = {}
    known: dict[int, list[tuple[tirx.PrimFunc, str]]] = {}
    steps = []
    for stage in program.stages:
        schedule = schedules.of(stage)
        built = build(stage, "kernel", schedule)
        check_limits(stage, built)
        if record := schedules.records.get(key_of(built)):
            check_record(stage, record)
            schedule = record.schedule
            built = build(stage, "kernel", schedule)
        same = known.setdefault(structural_hash(built.func), [])
        name = next((n for f, n in same if structural_equal(f, built.func)), None)
        if name is None:
            name = unused_name(stage, funcs)
            same.append((built.func, name))
            funcs[name] = built.func.with_attr("global_symbol", name)
        steps.append(step_of(stage, name, built, schedule, record))
    return Kernels(funcs, steps)


def step_of(stage: Stage, name: str, built: RowKernel, schedule: Schedule, record: Record | None = None) -> Step:
    """The step that calls a stage's kernel under a name."""
    p = built.parameters
    return Step(stage, name, built.operands, p.to_bytes(), p.sizes, p.section_offsets(), schedule, record)


def check_record(stage: Stage, record: Record) -> None:
    """Raise CompileError where a record has a schedule that no tuner may choose."""
    if wrong := outside_space(main_leaf(stage), record.schedule):
        raise CompileError(f"layer '{stage.name}': a {record.database} record has {wrong}, which is not to choose from")


def check_limits(stage: Stage, kernel: RowKernel) -> None:
    """Raise CompileError where a stage does not fit the runtime's plan."""
    rows = sum(op.count for op in kernel.operands)
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
