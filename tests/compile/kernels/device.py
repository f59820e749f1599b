# SPDX-License-Identifier: Apache-2.0
"""Runs the row kernels of many stages on a device, here or emulated, with all memory around them watched.

All stages of a batch are linked into one device runner, each with a region of the arena to itself: guard bytes,
what it reads, guard bytes, what it writes, guard bytes. Bytes that a kernel may read but must not depend on
(the lanes past a row's end) hold noise; bytes that it must not write are compared afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from biisnet.compile.emit.codegen import generate
from biisnet.compile.emit.link import link_runner, write_objects
from biisnet.compile.emit.plan_source import parameter_offsets, plan_source
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.memory import Arena, Layout, Order, Placement
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.steps import Step
from biisnet.compile.ir.window import Window
from biisnet.compile.passes.build_kernels import build_kernels
from biisnet.compile.schedules import DEFAULT, Schedules
from biisnet.compile.storage.layout import round_up
from biisnet.runtime.bundle import RUNNER
from biisnet.runtime.probe import Probe
from biisnet.targets import Target
from biisnet.targets.cores import Core
from biisnet.targets.emulator import command

Array = npt.NDArray
GUARD = 1024
"""Bytes before and after each map; a window reads up to some vectors past the map's last row."""


@dataclass(frozen=True)
class Fixed(Schedules):
    """One blocking for all: default schedules with other bands and tiles."""

    band: int = 1
    pixels: int = 8

    def of(self, stage: Stage) -> Schedule:
        return replace(super().of(stage), band=self.band, pixels=self.pixels)


class Case:
    """A stage, and what the maps that it reads hold (by buffer name): float32, or bool for bits."""

    def __init__(self, stage: Stage, maps: dict[str, Array]) -> None:
        self.stage, self.maps = stage, maps

    def __repr__(self) -> str:
        return f"Case({', '.join(map(said, self.stage.expressions()))} -> {', '.join(map(said, self.stage.outputs))})"

    @property
    def reads(self) -> list[Buffer]:
        """The buffers that the stage reads."""
        return self.stage.reads()


def said(x: Expr | Buffer) -> str:
    """An expression or a buffer without its constants."""
    plain = {f.name: getattr(x, f.name) for f in fields(x)}
    words = [
        f"{n}={said(v) if isinstance(v, Buffer) else v}"
        for n, v in plain.items()
        if isinstance(v, int | str | Window | Buffer) and n not in {"name", "value"}
    ]
    return f"{type(x).__name__}({', '.join(words)})"


class Batch(Program):
    """The batch as a program: every map that is read or written has a place, whoever wrote it."""

    def __init__(self, cases: Sequence[Case]) -> None:
        pixel = Buffer("pixel", "pixel", 1, 1, 1, external=0)
        super().__init__("batch", [c.stage for c in cases], [pixel], [pixel])
        self.placed = {b: in_arena(b) for c in cases for b in [*c.reads, *c.stage.outputs]}

    def buffers(self) -> list[Buffer]:
        """As they lie in the arena."""
        return list(self.placed.values())

    def step(self, step: Step) -> Step:
        """A step on the placed buffers."""
        operands = tuple(replace(op, buffer=self.placed[op.buffer]) for op in step.operands)
        outputs = [self.placed[b] for b in step.stage.outputs]
        return replace(step, operands=operands, stage=replace(step.stage, outputs=outputs))


def in_arena(b: Buffer) -> Buffer:
    """The buffer itself; of the user's, which lie elsewhere, a stand-in in the arena, where it can be watched."""
    return b if b.external is None else Buffer(b.name, b.value, b.channels, b.height, b.width, b.encoding, b.layout)


def defined(b: Buffer) -> npt.NDArray[np.bool_]:
    """Which bytes of a map's memory have a meaning: not the lanes past a row's end and its margin."""
    return np.repeat(b.layout.defined(b), b.encoding.itemsize)


def memory(b: Buffer, value: Array, noise: np.random.Generator) -> bytes:
    """The map's memory, noise where it has no meaning."""
    content = np.frombuffer(b.to_memory(value), np.uint8)
    return np.where(defined(b), content, noise.integers(0, 256, len(content), np.uint8)).tobytes()


def value_in(b: Buffer, content: bytes) -> Array:
    """The value [C, H, W] in a map's memory. Fails where a margin or the unused bits do not follow from it."""
    value = b.from_memory(content)
    found, wanted = (np.frombuffer(c, np.uint8)[defined(b)] for c in (content, b.to_memory(value)))
    assert (found == wanted).all(), f"{b}: margin or unused bits are wrong"
    return value


def run(
    cases: Sequence[Case], target: Target, folder: Path, schedules: Schedules = DEFAULT, core: Core | None = None
) -> list[dict[Buffer, Array]]:
    """What each case's stage stores, by the kernels of the target's core or another one. Fails where a kernel writes
    elsewhere."""
    batch = Batch(cases)
    kernels = build_kernels(batch, core or target.core, schedules)
    places, at = {}, round_up(max(b.row_bytes for b in batch.buffers()) + GUARD, 64)
    zero_bytes = at
    regions = []
    for case in cases:
        start = at
        for b in [*case.reads, *case.stage.outputs]:
            places[b] = at = round_up(at + GUARD, 64)
            at += b.map_bytes
        at = round_up(at + GUARD, 64)
        regions.append((start, at))
    placed = replace(kernels, steps=[batch.step(s) for s in kernels.steps])
    constants = []
    for step in placed.steps:
        constants.append(at)
        at += step.sections["end"]
    placements = {batch.placed[b]: Placement(batch.placed[b], place, b.height, 0, 0) for b, place in places.items()}
    arena = Arena(placements, zero_bytes, constants, round_up(at, 64))
    layout = Layout(arena, Order.one_by_one(placed.steps))
    plan = plan_source(batch, placed, (layout, layout, layout))
    folder.mkdir(parents=True, exist_ok=True)
    objects = write_objects(folder, plan, parameter_offsets(kernels)[1], generate(kernels.funcs, target))
    link_runner(objects, target, folder)
    prefix = command(target)
    assert prefix is not None
    with Probe([*prefix, folder / RUNNER]) as probe:
        results = [
            run_case(probe, i, case, region, places)
            for i, (case, region) in enumerate(zip(cases, regions, strict=True))
        ]
        assert not any(probe.read(0, zero_bytes)), "a kernel wrote into the zero row"
    return results


def run_case(
    probe: Probe, index: int, case: Case, region: tuple[int, int], places: dict[Buffer, int]
) -> dict[Buffer, Array]:
    """One stage in its region."""
    noise = np.random.default_rng(index)
    start, end = region
    before = noise.integers(0, 256, end - start, np.uint8)
    replaced = {b.replaces: b for b in case.stage.outputs if b.replaces}  # they are where these are written, and alone
    for b in case.reads:
        at = places[replaced.get(b, b)] - start
        before[at : at + b.map_bytes] = np.frombuffer(memory(b, case.maps[b.name], noise), np.uint8)
    probe.write(start, before)
    probe.run_stage(index)
    after = np.frombuffer(probe.read(start, end - start), np.uint8)
    untouched = np.ones(len(after), bool)
    for b in case.stage.outputs:
        untouched[places[b] - start :][: b.map_bytes] = False
    assert (after == before)[untouched].all(), f"a kernel writes outside of its maps: {case}"
    return {b: value_in(b, after[places[b] - start :][: b.map_bytes].tobytes()) for b in case.stage.outputs}
