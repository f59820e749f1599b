"""What the user sees while it compiles: one line a step, and a dump of every intermediate where asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from typing import Any, TypeVar

import tvm

from .codegen import MachineCode
from .passes.build_kernels import Kernels
from .passes.plan_arena import Arena
from .program import Program

Result = TypeVar("Result")


class Progress:
    """Runs the steps in order, `[k/n] pass … 0.4 s`; `say` gets each line."""

    def __init__(self, steps: int, say: Callable[[str], None], dump: Path | None) -> None:
        self.steps, self.say, self.dump = steps, say, dump
        self.done = 0
        if dump:
            dump.mkdir(parents=True, exist_ok=True)
        self.seconds: dict[str, float] = {}

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """The step's result; its text goes to the dump folder."""
        self.done += 1
        if sys.stderr.isatty():  # what is at work; its line, which says how long it took, is written over it
            print(f"[{self.done}/{self.steps}] {name} …\r", end="", file=sys.stderr, flush=True)
        start = time.perf_counter()
        result = step(*arguments)
        self.seconds[name] = time.perf_counter() - start
        self.say(f"[{self.done}/{self.steps}] {name} … {self.seconds[name]:.1f} s")
        if self.dump:
            for suffix, text in to_text(result).items():
                (self.dump / f"{self.done:02}-{name}.{suffix}").write_text(text)
        return result


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
            f"    writes {b.name}: {b.dtype} [{b.height}, {b.planes}, {b.plane_stride}], margin {b.margin}"
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
