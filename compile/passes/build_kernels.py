"""Program -> row kernels: one PrimFunc for all stages of the same structure, a parameter block for each stage."""

from __future__ import annotations

from dataclasses import dataclass

from tvm import tirx
from tvm_ffi import structural_equal, structural_hash

from ..kernels.context import SECTIONS
from ..kernels.row_kernel import build
from ..program import Operand, Program, Stage

MAIN_LEAF = ("BinaryDot", "Convolution", "Upsample", "AveragePool", "Load")


@dataclass(frozen=True)
class Step:
    """A stage ready to run: its kernel's name, its rows, its constants."""

    stage: Stage
    kernel: str
    operands: tuple[Operand, ...]
    parameters: bytes
    sections: dict[str, int]  # element type -> byte offset in the parameters


@dataclass(frozen=True)
class Kernels:
    """The kernels by name, and the steps that call them."""

    funcs: dict[str, tirx.PrimFunc]
    steps: list[Step]


def build_kernels(program: Program) -> Kernels:
    """One kernel for each distinct structure among the stages."""
    funcs: dict[str, tirx.PrimFunc] = {}
    known: dict[int, list[tuple[tirx.PrimFunc, str]]] = {}
    steps = []
    for stage in program.stages:
        built = build(stage, "kernel")
        same = known.setdefault(structural_hash(built.func), [])
        name = next((n for f, n in same if structural_equal(f, built.func)), None)
        if name is None:
            name = unused_name(stage, funcs)
            same.append((built.func, name))
            funcs[name] = built.func.with_attr("global_symbol", name)
        offsets = built.parameters.section_offsets()
        steps.append(Step(stage, name, built.operands, built.parameters.to_bytes(), {s: offsets[s] for s in SECTIONS}))
    return Kernels(funcs, steps)


def unused_name(stage: Stage, taken: dict[str, tirx.PrimFunc]) -> str:
    """A name that says what the kernel does: its main leaf, its channels and its width."""
    kinds = {type(e).__name__ for e in stage.expressions()}
    leaf = next(kind for kind in MAIN_LEAF if kind in kinds)
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in leaf)
    base = f"bn{words}_c{stage.outputs[0].channels}_w{stage.width}"
    return next(n for n in (base, *(f"{base}_{i}" for i in range(2, len(taken) + 3))) if n not in taken)
