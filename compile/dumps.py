# SPDX-License-Identifier: Apache-2.0
"""The dump of a step's result as text: what `--dump` writes."""

from __future__ import annotations

from functools import singledispatch

import tvm

from .emit.codegen import MachineCode
from .ir.memory import Arena
from .ir.stages import Program
from .ir.steps import Kernels


@singledispatch
def to_text(result: object) -> dict[str, str]:
    """What a dump shows of a step's result: file suffix -> text."""
    return {}


@to_text.register
def _(result: tvm.IRModule) -> dict[str, str]:
    return {"relax.py": result.script(show_meta=False) + "\n"}


@to_text.register
def _(result: Program) -> dict[str, str]:
    lines = []
    for stage in result.stages:
        kinds = " ".join(type(e).__name__ for e in stage.expressions())
        lines.append(f"{stage.name}: {stage.height}x{stage.width}, {kinds}")
        lines += [
            f"    writes {b.name}: {b.encoding.name} {b.layout}, {b.height} rows of {b.planes} planes"
            for b in stage.outputs
        ]
        lines.append(f"    layers {', '.join(stage.layers)}")
    return {"stages.txt": "\n".join(lines) + "\n"}


@to_text.register
def _(result: list) -> dict[str, str]:
    lines = []
    for n, s in enumerate(result):
        lines.append(f"segment {n}: stages {s.first}-{s.last - 1}")
        lines += [f"    {b.name}: {slots} of {b.height} rows" for b, slots in s.slots.items()]
    return {"segments.txt": "\n".join(lines) + "\n"}


@to_text.register
def _(result: Arena) -> dict[str, str]:
    lines = [f"{result.shared_bytes} bytes shared, {result.private_bytes} more for each thread"]
    lines += [f"segment {n}: stages {s.first}-{s.last - 1}" for n, s in enumerate(result.segments)]
    for p in sorted(result.placements.values(), key=lambda p: (p.private, p.offset, p.first)):
        kind = "private" if p.private else "shared"
        rows = f"{p.slots} of {p.buffer.height} rows"
        lines.append(f"{kind:8}{p.offset:>12} +{p.bytes:<12} {rows:20} segments {p.first}-{p.last}  {p.buffer.name}")
    return {"arena.txt": "\n".join(lines) + "\n"}


@to_text.register
def _(result: Kernels) -> dict[str, str]:
    return {"tir.py": tvm.IRModule(result.funcs).script(show_meta=False) + "\n"}


@to_text.register
def _(result: MachineCode) -> dict[str, str]:
    return {"s": result.assembly() + "\n"}
