# SPDX-License-Identifier: Apache-2.0
"""Small programs of all kinds of windows, and a run of their tasks on rings that hold what was computed only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer, Operand
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.memory import Order
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.steps import Kernels, Step
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, Convolution, Load, MaxPool, PoolSum, Upsample


def rows_read(operand: Operand, y: int) -> list[int]:
    """The rows of the map that row y reads; the zero row is none of them."""
    start = (y * operand.mul + operand.add) // operand.div + operand.odd * (y % 2)
    rows = [start + i * operand.step for i in range(operand.count)]
    last = operand.buffer.height - 1
    if operand.edge == "zero":
        return [r for r in rows if 0 <= r <= last]
    return [min(max(r, 0), last) for r in rows]


class RowMissingError(AssertionError):
    """A task reads a row that is not there yet, or no more."""


def task_rows(draw: st.DrawFn, kernels: Kernels) -> list[int]:
    """The rows of a task of each step, which divide its band."""
    return [draw(st.sampled_from([n for n in (1, 2, 4, 8) if n <= s.schedule.band])) for s in kernels.steps]


class Run:
    """A run task by task: which row each slot holds."""

    def __init__(self, steps: Sequence[Step], slots: dict[Buffer, int], order: Order) -> None:
        self.steps, self.slots, self.order = steps, slots, order
        self.held: dict[Buffer, dict[int, int]] = {b: {} for b in slots}
        self.finished: Counter[int] = Counter()

    def rows_of(self, k: int, task: int) -> range:
        """The rows of a task."""
        rows = self.order.rows[k]
        return range(task * rows, min((task + 1) * rows, self.steps[k].stage.height))

    def read(self, k: int, task: int) -> None:
        """Raises RowMissingError."""
        for op in self.steps[k].operands:
            if op.buffer not in self.held:
                continue
            for r in (r for y in self.rows_of(k, task) for r in rows_read(op, y)):
                found = self.held[op.buffer].get(r % self.slots[op.buffer])
                if found != r:
                    raise RowMissingError(
                        f"{self.steps[k].stage.name} reads row {r} of {op.buffer.name}, finds {found}"
                    )

    def write(self, k: int, task: int) -> None:
        """All rows of its maps."""
        for b in self.steps[k].stage.outputs:
            for y in self.rows_of(k, task):
                self.held[b][y % self.slots[b]] = y

    def step(self, k: int) -> None:
        """The next task of a step. Raises RowMissingError."""
        task = self.finished[k]
        self.read(k, task)
        self.write(k, task)
        self.read(k, task)  # a slot of its own input would be gone
        self.finished[k] += 1


def conv(source: Buffer, kernel: int = 3, stride: int = 1, dilation: int = 1) -> tuple[Convolution, tuple[int, int]]:
    """A convolution to one channel, padded so that it fits, and its height and width."""
    pad = dilation * (kernel - 1) // 2
    window = Window((kernel, kernel), (stride, stride), (pad,) * 4, (dilation, dilation))
    weight = np.zeros((1, source.channels, kernel, kernel), np.float32)
    return Convolution(1, source, weight, np.zeros(1, np.float32), window), window.output(source.height, source.width)


def store(name: str, e: Expr, size: tuple[int, int], external: int | None = None) -> Stage:
    """A stage with one output."""
    return Stage.of(name, (), (e,), [Buffer(name, name, 1, *size, external=external)])


def chain(height: int, *kinds: str, width: int = 4) -> tuple[Buffer, list[Stage]]:
    """The image, and stages that read the one before them."""
    image = Buffer("image", "image", 1, height, width, external=0)
    at, stages = image, []
    for n, kind in enumerate(kinds):
        e: Expr = Load(1, at)
        size = (at.height, at.width)
        match kind:
            case "conv":
                e, size = conv(at)
            case "stride":
                e, size = conv(at, 1, 2)
            case "pool":
                e, size = PoolSum(1, at), (at.height // 2, at.width // 2)
            case "up":
                e, size = Upsample(1, at, "linear"), (2 * at.height, 2 * at.width)
        stages.append(store(f"{kind}{n}", e, size))
        (at,) = stages[-1].outputs
    return image, stages


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Stages that read one or two of the maps before them, all kinds of windows; some have a second map."""
    image = Buffer("image", "image", 1, draw(st.integers(1, 70)), 4, external=0)
    maps, stages = [image], []
    for n in range(draw(st.integers(1, 9))):
        a = draw(st.sampled_from(maps[-3:]))
        e: Expr = Load(1, a)
        size = (a.height, a.width)
        kind = draw(st.sampled_from(("load", "conv", "dilated", "stride", "skips", "pool", "max", "up", "nearest")))
        match kind:
            case "conv":
                e, size = conv(a)
            case "dilated":
                e, size = conv(a, 3, 1, 2)
            case "stride":
                e, size = conv(a, 3, 2)
            case "skips":
                e, size = conv(a, 1, 2)
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
