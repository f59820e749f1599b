# SPDX-License-Identifier: Apache-2.0
"""form_segments: every row that a step reads is there, in every stripe, and shared rows are computed once."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer, Operand
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.limits import (
    INSTANCE_BUFFER_BYTES,
    INSTANCE_BYTES,
    MAX_BAND,
    MAX_INPUTS,
    MAX_OUTPUTS,
    MAX_ROWS,
    MAX_SEGMENT,
    MAX_THREADS,
)
from biisnet.compile.ir.memory import Segment
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.steps import Kernels, Step
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, Convolution, Load, MaxPool, PoolSum, Upsample
from biisnet.compile.passes.form_segments import MAX_HALO, form_segments, layer_by_layer
from biisnet.compile.schedules import DEFAULT, choices
from biisnet.runtime.sources import HEADER, ROOT

from .graphs import shipped_program, steps_of

SIZES = [(256, 256), (512, 512), (13, 7), (1, 1)]


def rows_read(operand: Operand, y: int) -> list[int]:
    """The rows of the map that row y reads; the zero row is none of them."""
    start = (y * operand.mul + operand.add) // operand.div + operand.odd * (y % 2)
    rows = [start + i * operand.step for i in range(operand.count)]
    last = operand.buffer.height - 1
    if operand.edge == "zero":
        return [r for r in rows if 0 <= r <= last]
    return [min(max(r, 0), last) for r in rows]


class Walk:
    """One thread's demand-driven walk of a segment; its memory holds nothing but what it has computed itself."""

    def __init__(self, steps: list[Step], segment: Segment) -> None:
        self.steps, self.segment = steps, segment
        self.inside = range(segment.first, segment.last)
        self.writer = {b: k for k in self.inside for b in steps[k].stage.outputs}
        self.height = steps[segment.last - 1].stage.height

    def shared(self) -> list[int]:
        """The steps with a map that is an output, or read by a step outside."""
        outer = {op.buffer for k, s in enumerate(self.steps) if k not in self.inside for op in s.operands}
        return [k for k in self.inside if any(b in outer or b.external is not None for b in self.outputs(k))]

    def outputs(self, k: int) -> list[Buffer]:
        """What a step writes."""
        return self.steps[k].stage.outputs

    def wanted(self, top: int, bottom: int) -> dict[int, tuple[int, int]]:
        """Step -> from the first to behind the last row that rows top .. bottom-1 of the last step need."""
        spans = {self.segment.last - 1: (top, bottom)}
        for k in reversed(self.inside):
            for op in self.steps[k].operands if k in spans else ():
                if (p := self.writer.get(op.buffer)) is None:
                    continue
                # a zero row past the border asks for the border's row: more than is read, as in the runtime
                rows = [min(max(r, 0), op.buffer.height - 1) for y in range(*spans[k]) for r in near(op, y)]
                span = spans.get(p, (rows[0], rows[0]))
                spans[p] = (min(span[0], *rows), max(span[1], max(rows) + 1))
        return spans

    def run(self, top: int, bottom: int, *, last: bool) -> dict[int, list[int]]:
        """Walk a stripe; step -> the rows that were computed, in order."""
        spans = self.wanted(top, bottom)
        below = {k for k in self.shared() if last}
        self.end = {k: self.steps[k].stage.height if k in below else b for k, (_, b) in spans.items()}
        self.next = {k: a for k, (a, _) in spans.items()}
        self.done: dict[int, list[int]] = {k: [] for k in self.inside}
        self.memory: dict[Buffer, dict[int, int]] = {b: {} for b in self.writer}
        while self.next[self.segment.last - 1] < bottom:
            self.step(self.segment.last - 1)
        for k in self.inside:
            while self.next[k] < self.end[k]:
                self.step(k)
        return self.done

    def step(self, k: int) -> None:
        """Compute the next rows of step k, up to a multiple of its band, and first what they need."""
        band, inner = self.steps[k].schedule.band, [op for op in self.steps[k].operands if op.buffer in self.writer]
        rows = range(self.next[k], min((self.next[k] // band + 1) * band, self.end[k]))
        for op in inner:
            p, read = self.writer[op.buffer], [r for y in rows for r in rows_read(op, y)]
            while read and self.next[p] <= max(read):
                self.step(p)
        for op in inner:
            for y in rows:
                for r in rows_read(op, y):
                    held = self.memory[op.buffer].get(r % self.segment.slots[op.buffer])
                    name = self.steps[k].stage.name
                    assert held == r, f"{name} row {y} reads row {r} of {op.buffer.name}, finds {held}"
        for y in rows:
            for b in self.outputs(k):
                self.memory[b][y % self.segment.slots[b]] = y
            self.done[k].append(y)
        self.next[k] = rows.stop


def near(operand: Operand, y: int) -> list[int]:
    """The rows that row y reads, those past the border too."""
    start = (y * operand.mul + operand.add) // operand.div + operand.odd * (y % 2)
    return [start, start + (operand.count - 1) * operand.step]


def check(kernels: Kernels, *, threads: tuple[int, ...] = (1, 2, 3, 4)) -> list[Segment]:
    """Every promise of form_segments, on so many threads."""
    steps, segments = kernels.steps, form_segments(kernels, DEFAULT)
    assert [k for s in segments for k in range(s.first, s.last)] == list(range(len(steps)))
    assert all(s.first < s.last for s in segments)
    for segment in segments:
        walk = Walk(steps, segment)
        assert set(segment.slots) == set(walk.writer)
        assert all(1 <= n <= b.height for b, n in segment.slots.items())
        whole = {*walk.shared(), segment.last - 1}
        for b, k in walk.writer.items():
            assert k not in whole or segment.slots[b] == b.height, b.name
        for members in threads:
            cuts = [walk.height * m // members for m in range(members + 1)]
            stripes = [
                walk.run(top, bottom, last=m == members - 1)
                for m, (top, bottom) in enumerate(pairwise(cuts))
                if top < bottom
            ]
            for k in whole:  # exactly once each, by whichever thread
                computed = sorted(y for s in stripes for y in s[k])
                assert computed == list(range(steps[k].stage.height)), f"{steps[k].stage.name}, {members} threads"
            for k in set(walk.inside) - whole:
                for s, after in pairwise(stripes):
                    halo = len(set(s[k]) & set(after[k]))
                    assert halo <= MAX_HALO * steps[k].stage.height, f"{steps[k].stage.name}, {members} threads"
    return segments


@pytest.mark.parametrize("size", SIZES)
def test_shipped(size: tuple[int, int]) -> None:
    """Fails where a ring is too short, a shared row is missing or computed twice."""
    segments = check(steps_of(shipped_program(size, None)))
    if min(size) >= 256:
        assert len(segments) <= 4


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("threads", [2, 3, 4])
def test_halo(size: tuple[int, int], threads: int) -> None:
    """Fails where two threads that are neighbours both compute more than an eighth of a map's rows."""
    kernels = steps_of(shipped_program(size, None))
    check(kernels, threads=(threads,))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("threads", [5, 7, 31, MAX_THREADS])
def test_many_threads(size: tuple[int, int], threads: int) -> None:
    """Fails where a stripe's end that was not tried has a halo of rows that all threads share, or a gap."""
    check(steps_of(shipped_program(size, None)), threads=(threads,))


def test_rings_are_short() -> None:
    """Fails where a map that only its segment reads is kept whole."""
    kernels = steps_of(shipped_program((256, 256), None))
    rings = [
        (b, n)
        for s in form_segments(kernels, DEFAULT)
        for b, n in s.slots.items()
        if n < b.height and b.external is None
    ]
    assert len(rings) >= 20
    assert max(n for _, n in rings) <= 32


def conv(source: Buffer, kernel: int = 3, stride: int = 1, dilation: int = 1) -> tuple[Convolution, tuple[int, int]]:
    """A convolution to one channel, padded so that it fits, and its height and width."""
    pad = dilation * (kernel - 1) // 2
    window = Window((kernel, kernel), (stride, stride), (pad,) * 4, (dilation, dilation))
    weight = np.zeros((1, source.channels, kernel, kernel), np.float32)
    return Convolution(1, source, weight, np.zeros(1, np.float32), window), window.output(source.height, source.width)


def store(name: str, e: Expr, size: tuple[int, int], external: int | None = None) -> Stage:
    """A stage with one output."""
    return Stage.of(name, (), (e,), [Buffer(name, name, 1, *size, external=external)])


def chain(height: int, *kinds: str, stride: int = 2) -> tuple[Buffer, list[Stage]]:
    """The image, and stages that read the one before them."""
    image = Buffer("image", "image", 1, height, 4, external=0)
    at, stages = image, []
    for n, kind in enumerate(kinds):
        e: Expr = Load(1, at)
        size = (at.height, at.width)
        match kind:
            case "conv":
                e, size = conv(at)
            case "stride":
                e, size = conv(at, 1, stride)
            case "pool":
                e, size = PoolSum(1, at), (at.height // 2, at.width // 2)
            case "up":
                e, size = Upsample(1, at, "linear"), (2 * at.height, 2 * at.width)
        stages.append(store(f"{kind}{n}", e, size))
        (at,) = stages[-1].outputs
    return image, stages


def test_chain_is_one_segment() -> None:
    """Fails where stages that can run together do not, or a ring keeps more rows than a 3x3 window reads."""
    image, stages = chain(128, "conv", "conv", "conv", "load")
    (segment,) = check(steps_of(Program("net", stages, [image], [])))
    assert list(segment.slots.values()) == [3, 3, 1, 128]


def test_halo_ends_a_segment() -> None:
    """Fails where neighbours compute more than an eighth of a map twice: 2 rows of halo more for each 3x3 window."""
    image, stages = chain(32, *["conv"] * 6)
    segments = check(steps_of(Program("net", stages, [image], [])))
    assert [(s.first, s.last) for s in segments] == [(0, 3), (3, 6)]


def test_limits_are_the_runtimes() -> None:
    """Fails where the runtime would refuse what is planned."""
    told = (ROOT / "src" / "plan.h").read_text() + HEADER.read_text()
    limits = {name: int(value) for name, value in re.findall(r"(B\w+_MAX_\w+) = (\d+)", told)}
    planned = (MAX_INPUTS, MAX_OUTPUTS, MAX_ROWS, MAX_BAND, MAX_SEGMENT)
    assert tuple(limits[f"BN_MAX_{n}"] for n in ("INPUTS", "OUTPUTS", "ROWS", "BAND", "SEGMENT")) == planned
    assert max(choices()["band"].values) == MAX_BAND
    assert limits["BIISNET_MAX_THREADS"] == MAX_THREADS
    own = {name: int(value) for name, value in re.findall(r"(BN_INSTANCE_\w+) = (\d+)", told)}
    assert own == {"BN_INSTANCE_BYTES": INSTANCE_BYTES, "BN_INSTANCE_BUFFER_BYTES": INSTANCE_BUFFER_BYTES}


def test_long_chain() -> None:
    """Fails where a segment has more stages than the runtime walks."""
    image, stages = chain(8, *["load"] * (2 * MAX_SEGMENT + 6))
    segments = check(steps_of(Program("net", stages, [image], [])))
    assert [s.last - s.first for s in segments] == [MAX_SEGMENT, MAX_SEGMENT, 6]


def test_the_cache_ends_a_segment() -> None:
    """Fails where a segment's rings and constants would push each other out of the cache."""
    image, stages = chain(128, *["conv"] * 4)
    third = DEFAULT.segment_bytes // 3
    for constants, cuts in ((third - 2048, [(0, 3), (3, 4)]), (third + 1, [(0, 2), (2, 4)])):
        segments = check(steps_of(Program("net", stages, [image], []), constants))
        assert [(s.first, s.last) for s in segments] == cuts


def test_only_stripes_that_there_are() -> None:
    """Fails where a segment ends for two rows at the bottom, between which no number of threads is divided."""
    image, stages = chain(256, "load")
    (source,) = stages[0].outputs
    stages.append(store("extended", Load(1, source), (258, 4)))
    stages.append(store("late", Load(1, source), (256, 4), external=0))
    segments = check(steps_of(Program("net", stages, [image], stages[-1].outputs)), threads=(1, 2, 3, MAX_THREADS))
    assert (segments[0].first, segments[0].last) == (0, 2)


def test_map_that_is_read_later() -> None:
    """Fails where a map that a later segment reads would be written by two threads."""
    image, stages = chain(64, "load", "conv", "conv")
    source, last = stages[0].outputs[0], stages[2].outputs[0]
    stages.append(store("late", Add(1, Load(1, last), Load(1, source)), (64, 4), external=0))
    segments = check(steps_of(Program("net", stages, [image], stages[-1].outputs)))
    assert sum(s.last - s.first for s in segments) == 4


def test_odd_map_that_is_pooled_and_read_later() -> None:
    """Fails where the row that a pooling drops is not computed for a later segment."""
    image, stages = chain(65, "load", "pool")
    stages.append(store("late", Load(1, stages[0].outputs[0]), (65, 4), external=0))
    segments = check(steps_of(Program("net", stages, [image], stages[-1].outputs)))
    assert [(s.first, s.last) for s in segments] == [(0, 2), (2, 3)]


def test_strided_map_that_is_read_later() -> None:
    """Fails where rows that a 1x1 window with stride 2 skips are not computed at the edge of two stripes."""
    image, stages = chain(64, "load", "stride")
    stages.append(store("late", Load(1, stages[0].outputs[0]), (64, 4), external=0))
    check(steps_of(Program("net", stages, [image], stages[-1].outputs)))


def test_layer_by_layer() -> None:
    """Fails where a stage shares its segment, or a map is not whole."""
    kernels = steps_of(shipped_program((13, 7), None))
    segments = layer_by_layer(kernels)
    assert [(s.first, s.last) for s in segments] == [(k, k + 1) for k in range(21)]
    assert all(n == b.height for s in segments for b, n in s.slots.items())
    assert [list(s.slots) for s in segments] == [k.stage.outputs for k in kernels.steps]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Stages that read one or two of the maps before them, all kinds of windows that skip no row."""
    image = Buffer("image", "image", 1, draw(st.integers(1, 70)), 4, external=0)
    maps, stages = [image], []
    for n in range(draw(st.integers(1, 9))):
        a = draw(st.sampled_from(maps[-3:]))
        e: Expr = Load(1, a)
        size = (a.height, a.width)
        kind = draw(st.sampled_from(("load", "conv", "dilated", "stride", "pool", "max", "up", "nearest")))
        match kind:
            case "conv":
                e, size = conv(a)
            case "dilated":
                e, size = conv(a, 3, 1, 2)
            case "stride":
                e, size = conv(a, 3, 2)
            case "pool" if a.height > 1 and a.width > 1:
                e, size = PoolSum(1, a), (a.height // 2, a.width // 2)
            case "max":
                window = Window((3, 3), (2, 2), (1, 1, 1, 1))
                e, size = MaxPool(1, a, window), window.output(a.height, a.width)
            case "up" | "nearest" if a.height < 70:
                mode = "linear" if kind == "up" else "nearest"
                e, size = Upsample(1, a, mode), (2 * a.height, 2 * a.width)  # type: ignore[arg-type]
        same = [b for b in maps if b.height in range(size[0] - 2, size[0] + 3) and b is not a]
        joined = draw(st.booleans())
        if same and joined:
            e = Add(1, e, Load(1, draw(st.sampled_from(same))))  # cropped or extended
        outputs = [Buffer(f"{kind}{n}.{i}", kind, 1, *size) for i in range(draw(st.integers(1, 2)))]
        stages.append(Stage.of(f"{kind}{n}", (), (e,), outputs))
        maps += outputs
    return Program("net", stages, [image], [])


@settings(deadline=None)
@given(program=programs(), threads=st.integers(5, MAX_THREADS))
def test_any_program(program: Program, threads: int) -> None:
    """Fails where some order of windows breaks a promise that the shipped network's keeps."""
    check(steps_of(program), threads=(1, 2, 3, 4, threads))


@settings(deadline=None)
@given(program=programs(), data=st.data(), threads=st.integers(5, MAX_THREADS))
def test_any_bands(program: Program, data: st.DataObject, threads: int) -> None:
    """Fails where a ring is too short for the bands of who writes and who reads it, in whichever stripe."""
    bands = [data.draw(st.sampled_from((1, 2, 4))) for _ in program.stages]
    check(steps_of(program, bands=bands), threads=(1, 2, 3, 4, threads))


@pytest.mark.parametrize(("band", "slots"), [(1, 3), (2, 5), (4, 9)])
def test_rings_of_bands(band: int, slots: int) -> None:
    """Fails where a ring has other than a band, the rows around it, and what a writer's band is ahead."""
    image, stages = chain(128, "conv", "conv", "conv")
    (segment,) = check(steps_of(Program("net", stages, [image], []), bands=[band] * 3))
    assert list(segment.slots.values()) == [slots, slots, 128]
