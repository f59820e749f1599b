# SPDX-License-Identifier: Apache-2.0
"""The program: what the network is once it has been cut into stages, and before it is machine code.

A *stage* computes its output feature map row by row. What it computes at one pixel of one channel is a
small expression: leaves read stored maps (a plain load, a pooling window, an interpolation, a convolution),
inner nodes are per-channel element-wise work. Stages meet in *buffers*, the stored forms of a map: float32
or sign bits, with the margin that the consumer's window reads at the left and right border.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .buffers import Buffer, Operand
from .expressions import Expr, Work


@dataclass(eq=False)
class Stage:
    """Computes the rows of one feature map and stores each in every form that a consumer needs."""

    name: str
    layers: tuple[str, ...]  # the ONNX nodes whose work it does
    outputs: list[Buffer] = field(default_factory=list)
    results: list[tuple[Expr, ...]] = field(default_factory=list)
    """The values that each output stores: expressions whose channels are concatenated, cut alike for all outputs. For
    packed bits it is the value whose sign is taken."""
    parts: int | None = None
    """None: it is computed row by row. A number: it has no rows, as a reduction over a whole map has none; its kernel
    is given whole maps (`Operand.whole`) and computes one of so many parts of its outputs at a time, in any order and
    side by side. Its maps are kept whole."""

    @classmethod
    def of(cls, name: str, layers: tuple[str, ...], branches: tuple[Expr, ...], outputs: list[Buffer]) -> Stage:
        """A stage whose outputs all store the same."""
        return cls(name, layers, outputs, [branches] * len(outputs))

    @property
    def height(self) -> int:
        """Rows it computes."""
        return self.outputs[0].height

    @property
    def width(self) -> int:
        """Columns it computes."""
        return self.outputs[0].width

    @property
    def copies(self) -> int:
        """How many branches are computed side by side: as many as an output stores as one."""
        return max(b.encoding.copies for b in self.outputs)

    def operands(self) -> tuple[Operand, ...]:
        """The distinct windows of rows that its leaves read."""
        return tuple(dict.fromkeys(op for e in self.expressions() for op in e.operands()))

    def in_place(self) -> dict[Operand, int]:
        """The operands that it has nowhere but in an output's place, and that output's number."""
        return {Operand(b.replaces): n for n, b in enumerate(self.outputs) if b.replaces}

    def reads(self) -> list[Buffer]:
        """The buffers that it reads, each once."""
        return list(dict.fromkeys(op.buffer for op in self.operands()))

    @property
    def work(self) -> Work:
        """Multiply-adds of the whole stage."""
        pixels, each = self.height * self.width, [e.work for e in self.expressions()]
        return Work(sum(w.binary for w in each) * pixels, sum(w.full for w in each) * pixels)

    @property
    def map_bytes(self) -> int:
        """Bytes of the maps that are read and written, each once."""
        return sum(b.map_bytes for b in [*self.reads(), *self.outputs])

    def expressions(self) -> Iterator[Expr]:
        """Every node once, children first."""
        seen: set[int] = set()

        def visit(e: Expr) -> Iterator[Expr]:
            if id(e) in seen:
                return
            seen.add(id(e))
            for child in e.children():
                yield from visit(child)
            yield e

        for branches in self.results:
            for branch in branches:
                yield from visit(branch)


@dataclass(eq=False)
class Program:
    """Stages in the order they run, and the model's inputs and outputs as buffers."""

    name: str
    stages: list[Stage]
    inputs: list[Buffer]
    outputs: list[Buffer]
    missed: dict[str, dict[str, str]] = field(default_factory=dict)
    """Pass -> layer -> why a rewrite that met its pattern there did not fire."""

    def buffers(self) -> list[Buffer]:
        """Every buffer once: inputs first, then as the stages write them."""
        return self.inputs + [b for stage in self.stages for b in stage.outputs]
