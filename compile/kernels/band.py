# SPDX-License-Identifier: Apache-2.0
"""The rows that a call of a kernel computes, and how it is given them.

A kernel of one row has a parameter a row that it reads or writes. One of a *band* of rows is given arrays of addresses:
of what it reads operand after operand, each row once where the windows of neighbouring rows overlap (`Operand.given`);
of what it writes row after row. It loops over its rows within its loop over blocks of channels: a block's weights are
loaded from afar once for all of the band.

What is read in an output's place (`Stage.in_place`) has no memory of its own: LLVM takes what parameters point to for
as many pieces of memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PointerType, PrimType
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr
from .context import Context

Pointer = tuple[tirx.Var, str]
ADDRESS = "uint64"
"""An address in memory: every target's are of 64 bits."""


def pointer(name: str, dtype: str) -> Pointer:
    """A pointer parameter and what it points to."""
    return T.arg(name, T.handle(dtype)), dtype


def flat_buffer(pointer: Pointer) -> TirExpr:
    """The memory behind a pointer. Its extent is nominal: rows are addressed by the layouts of their buffers."""
    return T.decl_buffer((1 << 30,), pointer[1], data=pointer[0])


class OneRow:
    """The row of a kernel with a parameter a row. Its parameters and its memory are declared in a fixed order, with the
    constants' between inputs and outputs: the kernel's key is of its text."""

    def __init__(
        self, operands: tuple[Operand, ...], outputs: list[Buffer], in_place: Mapping[Operand, int], band: int
    ) -> None:
        self.operands, self.outputs, self.in_place = operands, outputs, in_place
        self.inputs = {
            op: [pointer(f"in{n}_{i}", op.buffer.encoding.element) for i in range(op.count)]
            for n, op in enumerate(operands)
            if op not in in_place
        }

    def declare_results(self) -> None:
        """The parameters behind the constants'."""
        self.results = [pointer(f"out{n}", b.encoding.element) for n, b in enumerate(self.outputs)]
        self.y = T.arg("y", tirx.Var("y", "int32"))

    def declare_input_memory(self) -> None:
        """The memory of what is read."""
        self.rows = {op: [flat_buffer(p) for p in some] for op, some in self.inputs.items()}

    def declare_result_memory(self) -> None:
        """The memory of what is written."""
        self.result_rows = [flat_buffer(p) for p in self.results]

    def begin(self, ctx: Context, expressions: list[Expr]) -> None:
        """Before all loops: what expressions need of the row."""
        ctx.begin_row(self.rows | self.rows_in_place(self.result_rows), self.y, expressions)

    def rows_in_place(self, results: list[TirExpr]) -> dict[Operand, list[TirExpr]]:
        """The rows of what is read in the place of outputs, given theirs."""
        return {op: [results[n]] for op, n in self.in_place.items()}

    @contextmanager
    def each(self, ctx: Context, expressions: list[Expr]) -> Iterator[list[TirExpr]]:
        """The row of each output; without a loop."""
        yield self.result_rows


class Band(OneRow):
    """The rows of a kernel with arrays of their addresses, as many as its last parameter says."""

    def __init__(
        self, operands: tuple[Operand, ...], outputs: list[Buffer], in_place: Mapping[Operand, int], band: int
    ) -> None:
        self.operands, self.outputs, self.in_place, self.band = operands, outputs, in_place, band
        self.addresses = pointer("rows_in", ADDRESS)

    def declare_results(self) -> None:
        self.result_addresses = pointer("rows_out", ADDRESS)
        self.y = T.arg("y", tirx.Var("y", "int32"))
        self.count = T.arg("rows", tirx.Var("rows", "int32"))

    def declare_input_memory(self) -> None:
        self.read = flat_buffer(self.addresses)

    def declare_result_memory(self) -> None:
        self.written = flat_buffer(self.result_addresses)

    def begin(self, ctx: Context, expressions: list[Expr]) -> None:
        """Nothing: each row begins in the loop over them."""

    @contextmanager
    def each(self, ctx: Context, expressions: list[Expr]) -> Iterator[list[TirExpr]]:
        """The loop over the rows; gives the row of each output, and begins it for expressions."""
        with T.serial(0, self.count) as row:
            inputs, firsts, start = {}, {}, 0
            for op in self.operands if expressions else ():
                firsts[op] = first = row * op.advance + start
                if op not in self.in_place:
                    inputs[op] = [memory_at(self.read[first + i], op.buffer) for i in range(op.count)]
                start += op.given(self.band)
            results = [
                memory_at(self.written[row * len(self.outputs) + n], buffer) for n, buffer in enumerate(self.outputs)
            ]
            ctx.begin_row(inputs | self.rows_in_place(results), ctx.bind(self.y + row), expressions)
            ctx.find_row = lambda op, i, ahead: memory_at(
                further(self.read[firsts[op] + i], op.buffer, ahead), op.buffer
            )
            yield results


def memory_at(address: TirExpr, buffer: Buffer) -> TirExpr:
    """The memory of a buffer's row at an address."""
    dtype = buffer.encoding.element
    value = tirx.reinterpret(PointerType(PrimType(dtype)), address)
    return flat_buffer((T.Bind(value, T.handle(dtype)), dtype))


def further(address: TirExpr, buffer: Buffer, elements: TirExpr | int) -> TirExpr:
    """The address so many elements of a buffer's row further on."""
    count = elements * buffer.encoding.itemsize
    return address + (count if isinstance(count, int) else tirx.Cast(PrimType(ADDRESS), count))
