# SPDX-License-Identifier: Apache-2.0
"""The dump of a step's result as text: what `--dump` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax
from tvm.ir import Expr

from .emit.codegen import MachineCode
from .ir.expressions import Expr as Node
from .ir.memory import Arena, Order
from .ir.stages import Program
from .ir.steps import Kernels
from .ir.sums import Proof
from .passes.rewrite import misses

FIRST = 4
"""Values of a constant that are shown."""


@singledispatch
def to_text(result: object) -> dict[str, str]:
    """The texts that a dump has of a step's result, by file suffix."""
    return {}


@to_text.register
def _(result: Proof) -> dict[str, str]:
    return {"txt": f"{result.summary() if result.sums else 'no sums of integers'}\n"}


@to_text.register
def _(result: tvm.IRModule) -> dict[str, str]:
    lines = [result.script(show_meta=False), "", "# constants, as metadata counts them", *constants_of(result)]
    lines += missed_lines(misses(result), "# ")
    return {"relax.py": "\n".join(lines) + "\n"}


def constants_of(module: tvm.IRModule) -> Iterator[str]:
    """A line for each constant of main, in the order of their use."""
    found: list[Expr] = []

    def visit(e: Expr) -> None:
        is_array = isinstance(getattr(e, "value", None), tvm.runtime.Tensor)
        if is_array and not any(e.same_as(f) for f in found):
            found.append(e)

    relax.analysis.post_order_visit(module["main"], visit)
    for n, e in enumerate(found):
        yield f"# [{n}] {shown(e.value.numpy())}"


def shown(values: npt.NDArray[Any]) -> str:
    """An array's type, shape, range and first values."""
    first = ", ".join(f"{v:.6g}" for v in values.ravel()[:FIRST])
    more = ", ..." if values.size > FIRST else ""
    extent = f"{values.min():.6g} to {values.max():.6g}" if values.size else "empty"
    return f"{values.dtype}{list(values.shape)}: {extent}: {first}{more}"


def missed_lines(missed: Mapping[str, Mapping[str, str]], mark: str) -> list[str]:
    """Why rewrites did not fire, of the last pass that says so."""
    if not missed:
        return []
    name, layers = list(missed.items())[-1]
    return [f"{mark}{name} did not fire for {layer}: {why}" for layer, why in layers.items()]


@to_text.register
def _(result: Program) -> dict[str, str]:
    lines = []
    for stage in result.stages:
        lines.append(f"{stage.name}: {stage.height}x{stage.width}")
        lines += [f"    {line}" for e in stage.expressions() for line in node_lines(e)]
        lines += [
            f"    writes {b.name}: {b.encoding.name} {b.layout}, {b.height} rows of {b.planes} planes"
            for b in stage.outputs
        ]
        lines.append(f"    layers {', '.join(stage.layers)}")
    return {"stages.txt": "\n".join([*lines, *missed_lines(result.missed, "")]) + "\n"}


def node_lines(e: Node) -> Iterator[str]:
    """An expression without its parts, its constants, and other expressions that a leaf computes as one."""
    yield f"{type(e).__name__} of {e.channels} channels" + "".join(f", {op.buffer.name}" for op in e.operands())
    for f in fields(e):
        match getattr(e, f.name):
            case np.ndarray() as values:
                yield f"    {f.name} {shown(values)}"
            case Node() as inner if inner not in e.children():
                yield from (f"    {line}" for line in node_lines(inner))


@to_text.register
def _(result: Order) -> dict[str, str]:
    lines = [f"{len(result.steps)} tasks in {result.sweeps} sweeps"]
    lines += [f"group {n}: stages {g.start}-{g.stop - 1}" for n, g in enumerate(result.groups)]
    lines += [" ".join(map(str, result.steps[n : n + 32])) for n in range(0, len(result.steps), 32)]
    return {"order.txt": "\n".join(lines) + "\n"}


@to_text.register
def _(result: dict) -> dict[str, str]:  # type: ignore[type-arg]  # of buffers; dispatch is by the class alone
    return {"rings.txt": "".join(f"{slots:>6} of {b.height:<6} {b.name}\n" for b, slots in result.items())}


@to_text.register
def _(result: Arena) -> dict[str, str]:
    lines = [f"{result.bytes} bytes"]
    for p in sorted(result.placements.values(), key=lambda p: (p.offset, p.first)):
        rows = f"{p.slots} of {p.buffer.height} rows"
        lines.append(f"{p.offset:>12} +{p.bytes:<12} {rows:20} stages {p.first}-{p.last}  {p.buffer.name}")
    return {"arena.txt": "\n".join(lines) + "\n"}


@to_text.register
def _(result: Kernels) -> dict[str, str]:
    return {"tir.py": tvm.IRModule(result.funcs).script(show_meta=False) + "\n"}


@to_text.register
def _(result: MachineCode) -> dict[str, str]:
    return {"s": result.assembly() + "\n"}
