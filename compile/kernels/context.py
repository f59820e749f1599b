# SPDX-License-Identifier: Apache-2.0
"""The context of an emitter in the row kernel that it writes into: rows, constants, the place at hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ...targets.cores import GENERIC, Core
from ..ir.buffers import Buffer, Operand
from ..ir.expressions import Expr
from ..ir.schedule import Schedule
from ..ir.window import Window
from ..storage.layout import round_up
from .simd import Simd

REPLICATE = {"float32": 4, "int16": 1, "uint8": 16, "int8": 1, "uint16": 32}
"""Element types of a stage's constants, in the order that they lie in its parameter block, and the copies that the
runtime makes of each when it makes an instance: a per-channel constant then is one full 16-byte load, which costs the
A72 no vector slot, and the library carries it once. The last is of biases, int16 as bytes have it."""
SECTIONS = tuple(REPLICATE)
FLOAT_SECTIONS = SECTIONS[:3]
"""Those of kernels that store nothing but float32 and its signs."""
INTEGER_SECTIONS = SECTIONS[1:]
"""Those of kernels of an integer network."""
TABLES = "int8"
LONGEST_RUN = 256
NARROWED = 8
"""Lanes that one narrowing instruction takes, and the most bits that it shifts by."""
INSERTED = 16
"""Lanes that one instruction shifts and inserts."""
SECTION_ALIGNMENT = 64


@dataclass
class Parameters:
    """A stage's constants: one section a type, filled in the order in which the emitters ask."""

    arrays: dict[str, list[npt.NDArray[Any]]] = field(default_factory=lambda: {s: [] for s in SECTIONS})
    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SECTIONS, 0))

    def add(self, array: npt.NDArray[Any]) -> int:
        """Append; returns the element offset in the section of the array's type."""
        section = str(array.dtype)
        offset = self.sizes[section]
        self.arrays[section].append(array.ravel())
        self.sizes[section] += array.size
        return offset

    def section_offsets(self) -> dict[str, int]:
        """Byte offset of each section in the block as the kernel sees it, replicated; "end" is its size."""
        offsets, at = {}, 0
        for section in SECTIONS:
            offsets[section] = at
            size = self.sizes[section] * np.dtype(section).itemsize * REPLICATE[section]
            at += round_up(size, SECTION_ALIGNMENT)
        return {**offsets, "end": at}

    def to_bytes(self) -> bytes:
        """The block as the library carries it: the sections, each element once, tables as runs."""
        packed = (self.packed(section) for section in SECTIONS)
        return b"".join(data + bytes(-len(data) % 4) for data in packed)

    def packed(self, section: str) -> bytes:
        """A section as the library carries it."""
        elements = np.concatenate([*self.arrays[section], np.zeros(0, section)]).astype(section)
        return runs_of(elements.view(np.uint8)) if section == TABLES else elements.tobytes()

    def counts(self) -> dict[str, int]:
        """The constants of each section, and the runs of the tables."""
        return {**self.sizes, "runs": len(self.packed(TABLES)) // 2}


def runs_of(data: npt.NDArray[np.uint8]) -> bytes:
    """Runs of equal bytes, each its length less one, up to 255, and the byte: a border table is a few values that are
    repeated for the lanes of a vector."""
    starts = np.flatnonzero(np.diff(data, prepend=~data[:1]))
    runs = [
        (min(LONGEST_RUN, end - at) - 1, data[start])
        for start, end in itertools.pairwise([*starts, len(data)])
        for at in range(start, end, LONGEST_RUN)
    ]
    return np.array(runs, np.uint8).tobytes()


class Context:
    """One place in the row: `lanes` pixels from `column`, of a few channels at a time."""

    def __init__(
        self,
        vector: Simd,
        parameters: Parameters,
        sections: dict[str, TirExpr],
        width: int,
        height: int,
        schedule: Schedule,
        core: Core = GENERIC,
    ) -> None:
        self.core = core
        self.vector = vector
        """The core's vectors; `simd` has one lane instead where pixels are computed one by one."""
        self.simd = vector
        self.width, self.height = width, height
        self.y: TirExpr
        self.column: TirExpr | int = 0
        self.schedule = schedule
        self.pairs = False  # whether int16 sums are in pair order (byte_pairs.py)
        self.even_first = False  # whether a vector has its even columns first, then the odd ones
        self.parameters, self.sections = parameters, sections
        self.find_row: Callable[[Operand, TirExpr, TirExpr | int], TirExpr] | None = None
        """TIR of an operand's row by its number, from one of its elements on, where a kernel is given addresses."""
        self._rows: dict[Operand, list[TirExpr]] = {}
        self._places: dict[tuple[int, str], tuple[str, int]] = {}
        self._values: dict[int, list[TirExpr]] = {}
        self._prepared: dict[int, Any] = {}
        self._blocks: dict[int, Any] = {}
        self._first: dict[int, list[TirExpr]] = {}
        self._at = 0
        self.places: list[TirExpr] = []  # of the channels at hand in their block

    def begin_row(self, rows: dict[Operand, list[TirExpr]], y: TirExpr, expressions: list[Expr]) -> None:
        """Row `y` is the one at hand, and `rows` what it reads: compute what expressions need before the loops."""
        self._rows, self.y = rows, y
        for e in expressions:
            self._prepared[id(e)] = e.prepare(self)

    @contextmanager
    def each_row(self, operand: Operand) -> Iterator[list[tuple[TirExpr | int, TirExpr]]]:
        """The operand's rows and which they are, to be gone through: one, in a loop over all, where a kernel is given
        their addresses, so that what is done with a row is written once."""
        if self.find_row is None or operand.count == 1:
            yield list(enumerate(self.rows(operand)))
            return
        with self.loop(operand.count) as i:
            yield [(i, self.find_row(operand, i, 0))]

    def prepared(self, e: Expr) -> Any:
        """The value that was computed for `e` before the loops over columns."""
        return self._prepared[id(e)]

    def rows(self, operand: Operand) -> list[TirExpr]:
        """The operand's rows, as TIR buffers."""
        return self._rows[operand]

    def parameter(self, owner: object, name: str, make: Callable[[], npt.NDArray[Any]]) -> tuple[TirExpr, int]:
        """The section that holds an owner's constant, and where; `make` builds it the first time."""
        if (id(owner), name) not in self._places:
            array = make()
            self._places[id(owner), name] = str(array.dtype), self.parameters.add(array)
        section, offset = self._places[id(owner), name]
        return self.sections[section], offset

    def per_channel(self, owner: object, name: str, array: npt.NDArray[Any], o: TirExpr | int) -> TirExpr:
        """Element `o` of a float32 or uint8 array, in every lane."""
        section, offset = self.parameter(owner, name, lambda: array)
        return self.replicated(section, offset + o, str(array.dtype))

    def addend(self, owner: object, name: str, array: npt.NDArray[Any], o: TirExpr | int) -> TirExpr:
        """As `per_channel`, of a float32 array, for what a multiply-add starts from and overwrites: every lane's own
        copy, because to load four is cheaper than to load one and move it three times."""
        copies = self.vector.lanes * self.schedule.vectors // REPLICATE["float32"]
        section, offset = self.parameter(owner, name, lambda: np.repeat(array, copies))
        return self.simd.load(section, (offset + o * copies) * REPLICATE["float32"])

    def replicated(self, section: TirExpr, index: TirExpr | int, dtype: str) -> TirExpr:
        """Constant `index` of a section in every lane: a load of its repeated copies."""
        copies, lanes = REPLICATE[dtype], self.simd.lanes
        if lanes == 1:
            return section[index * copies]
        vector = T.Bind(section[tirx.Ramp(index * copies, 1, copies)])
        return vector if copies == lanes else self.simd.shuffle([vector] * (lanes // copies), range(lanes))

    def bias(self, owner: object, values: npt.NDArray[np.int16], o: TirExpr | int, name: str = "bias") -> TirExpr:
        """Element `o` of int16 biases in every lane, each lane's own copy: a sum overwrites it, and to move it would
        take a vector slot."""
        section, offset = self.parameter(owner, name, lambda: values.astype(np.int16).view(np.uint16))
        return self.simd.reinterpret(self.simd.load(section, (offset + o) * REPLICATE["uint16"]), "int16")

    def pair(self, owner: object, name: str, values: npt.NDArray[np.uint16], o: TirExpr | int) -> TirExpr:
        """Element `o` of pairs of int8 factors in 16 pairs of lanes."""
        (section, offset), words = self.parameter(owner, name, lambda: values), Simd(REPLICATE["uint16"] // 2)
        loaded = self.bind(words.load(section, (offset + o) * REPLICATE["uint16"]))
        return self.bind(tirx.reinterpret(PrimType(words.twice.dtype("int8")), loaded))

    def load(self, row: TirExpr, buffer: Buffer, plane: TirExpr | int, column: TirExpr | int) -> TirExpr:
        """A plane's values from `column` on, in the order of lanes that the stage computes in."""
        loaded, n = row[self.lanes_at(buffer, plane, column)], self.simd.lanes
        if not self.even_first:
            return loaded
        loaded = self.bind(loaded)
        even, odd = (self.bind(self.simd.shuffle([loaded], range(first, n, 2))) for first in (0, 1))
        return self.simd.shuffle([even, odd], range(n))

    def load_tap(self, row: TirExpr, buffer: Buffer, plane: TirExpr | int, window: Window, kx: int) -> TirExpr:
        """The pixels of a plane that column `kx` of a window reads."""
        stride, dx = window.strides[1], kx * window.dilations[1] - window.pads[1]
        at = buffer.layout.at(buffer, plane, self.column * stride, dx)
        return self.bind(self.simd.load_strided(row, at, stride))

    def store_columns(self, row: TirExpr, buffer: Buffer, plane: TirExpr | int, value: TirExpr) -> None:
        """Store a plane's values at the place at hand, in the order of columns."""
        n = self.simd.lanes
        if self.even_first:
            value = self.simd.shuffle([value], [i // 2 + n // 2 * (i % 2) for i in range(n)])
        T.buffer_store(row, value, [self.lanes_at(buffer, plane, self.column)])

    def lanes_at(self, buffer: Buffer, plane: TirExpr | int, column: TirExpr | int) -> TirExpr | int:
        """The index of a vector of a plane's pixels from `column` on."""
        return self.index(buffer.layout.at(buffer, plane, column), buffer.layout.strides(buffer)[0])

    def index(self, start: TirExpr | int, stride: int) -> TirExpr | int:
        """The index of a vector of elements `stride` apart."""
        return start if self.simd.lanes == 1 else tirx.Ramp(start, stride, self.simd.lanes)

    @staticmethod
    def store_zeros(row: TirExpr, element: str, at: TirExpr | int, count: int) -> None:
        """So many elements of 0."""
        s = Simd(count)
        s.store(row, s.const(0, element), at)

    def repeat(self, row: TirExpr, at: TirExpr | int, count: int, source: TirExpr | int, length: int) -> None:
        """So many times the `length` elements from `source` on, one behind the other."""
        s = Simd(length)
        value = self.bind(s.load(row, source))
        for i in range(count):
            s.store(row, value, at + i * length)

    def allocate(self, dtype: str, simd: Simd | None = None) -> TirExpr:
        """A vector in registers, of all lanes or those of `simd`."""
        return T.alloc_buffer(((simd or self.simd).lanes,), dtype, scope="local")

    @staticmethod
    def loop(turns: int) -> AbstractContextManager[TirExpr]:
        """A loop over 0 .. turns-1."""
        frame: AbstractContextManager[TirExpr] = T.serial(0, turns)
        return frame

    def narrow(self, total: TirExpr, shift: int) -> TirExpr:
        """int16 lanes shifted right and saturated to int8.

        Where the core has an instruction for it, that: what LLVM knows the meaning of it takes apart, to compare or
        multiply what is not narrow yet.
        """
        s = self.simd
        if self.core.narrowing_shift is None or s.lanes < NARROWED or not 1 <= shift <= NARROWED:
            info = np.iinfo(np.int8)
            low, high = (s.const(int(v), "int16") for v in (info.min, info.max))
            shifted = tirx.shift_right(total, s.const(shift, "int16")) if shift else total
            return s.cast(tirx.max(tirx.min(shifted, high), low), "int8")
        total = self.bind(total)
        return self.fenced(self.in_parts(self.core.narrowing_shift, NARROWED, "int8", [total], shift))

    def fenced(self, value: TirExpr, simd: Simd | None = None) -> TirExpr:
        """int8 lanes, all or those of `simd`, that are made once: LLVM does not look behind the fence, where it would
        narrow the upper half of a vector a second time; nor TVM behind what is read from memory, where a name's value
        it puts in its place."""
        s, value = simd or self.simd, self.bind(value)
        fenced, part = self.allocate("int8", s), Simd(min(self.core.register_bytes, s.lanes))
        floats = PrimType(Simd(part.lanes // 4).dtype("float32"))
        for at in range(0, s.lanes, part.lanes):
            lanes = tirx.reinterpret(floats, part.shuffle([value], range(at, at + part.lanes)))
            kept = tirx.call_llvm_pure_intrin(floats, "llvm.arithmetic.fence", lanes)
            part.store(fenced, part.reinterpret(kept, "int8"), at)
        return self.bind(s.load(fenced, 0))

    def shift_right_insert(self, top: TirExpr, low: TirExpr) -> TirExpr:
        """Bytes of `top`'s top bit and, below it, the upper 7 bits of `low`; by the core's instruction for it, where it
        has one: what LLVM knows the meaning of it joins with the next channel's, to something longer."""
        s = self.simd
        if self.core.shift_right_insert is None or s.lanes % INSERTED:
            return (top & s.const(1 << 7, "uint8")) | s.shift_right(low, 1, "uint8")
        vectors = [self.bind(top), self.bind(low)]
        return self.in_parts(self.core.shift_right_insert, INSERTED, "uint8", vectors, 1)

    def in_parts(self, intrinsic: str, lanes: int, element: str, vectors: list[TirExpr], bits: int) -> TirExpr:
        """A vector of `element` by an intrinsic of so many lanes, which is given those of each vector and how far to
        shift."""
        return self.by_parts(intrinsic, lanes, element, vectors, lambda parts: [*parts, tirx.const(bits, "int32")])

    def by_parts(
        self,
        intrinsic: str,
        lanes: int,
        element: str,
        vectors: list[TirExpr],
        given: Callable[[list[TirExpr]], list[TirExpr]],
    ) -> TirExpr:
        """A vector of `element` by an intrinsic of so many lanes, whose arguments are made of those of each vector."""
        s, part = self.simd, Simd(lanes)
        made = [
            self.bind(
                tirx.call_llvm_pure_intrin(
                    PrimType(part.dtype(element)),
                    intrinsic,
                    *given([part.shuffle([v], range(at, at + lanes)) for v in vectors]),
                )
            )
            for at in range(0, s.lanes, lanes)
        ]
        return made[0] if len(made) == 1 else s.shuffle(made, range(s.lanes))

    def bind(self, value: TirExpr) -> TirExpr:
        """Name a value, so that it is computed once."""
        return T.Bind(value)

    def begin_block(self, e: Expr, channels: list[TirExpr | int], begun: set[int]) -> None:
        """Compute what `e` and its parts need for all channels of a block at once, each node once."""
        for part, of_part in parts_once(e, channels, begun):
            self._blocks[id(part)] = part.begin_block(self, of_part)

    def block(self, e: Expr) -> Any:
        """The value that was computed for `e` for the block at hand."""
        return self._blocks[id(e)]

    def begin_group(self) -> None:
        """Forget what came first."""
        self._first.clear()

    def begin_channels(self, places: list[TirExpr], at: int = 0) -> None:
        """Forget the values of the channels before; `places` are the next ones' in their block, the first of them is
        the `at`-th of those that came first."""
        self._values.clear()
        self.places, self._at = places, at

    def emit_first(self, e: Expr, channels: list[TirExpr]) -> None:
        """Emit those parts of `e` that come first, for channels of which the next ones at hand are a part."""
        for part in e.children():
            self.emit_first(part, e.part_channels(channels))
        if e.comes_first and id(e) not in self._first:
            self._first[id(e)] = e.emit(self, channels)

    def emit(self, e: Expr, channels: list[TirExpr]) -> list[TirExpr]:
        """The values of `e` for the channels at hand, emitted once."""
        if id(e) in self._first:
            return self._first[id(e)][self._at : self._at + len(channels)]
        if id(e) not in self._values:
            pairs, self.pairs = self.pairs, False
            self._values[id(e)] = [self.bind(v) for v in e.emit(self, channels)]
            self.pairs = pairs
        return self._values[id(e)]


def place_class(index: TirExpr, first: int, last: int, total: int) -> TirExpr:
    """The class of border position that `index` is of: 0 .. first-1 at the start, then one for all of the
    interior, then `last` at the end; where they overlap (total <= first + last) it is `index`."""
    if total <= first + last:
        return index
    return tirx.min(index, tirx.const(first, "int32")) + tirx.max(index - (total - last - 1), tirx.const(0, "int32"))


def place_count(first: int, last: int, total: int) -> int:
    """The number of classes that `place_class` tells apart."""
    return total if total <= first + last else first + last + 1


def place_example(c: int, first: int, last: int, total: int) -> int:
    """An index that is of class `c`."""
    if total <= first + last or c <= first:
        return c
    return total - last + (c - first - 1)


def parts_once(e: Expr, channels: list[TirExpr | int], begun: set[int]) -> Iterator[tuple[Expr, list[TirExpr | int]]]:
    """An expression's parts, then itself, with the channels that are wanted of each; none that has `begun`."""
    if id(e) in begun:
        return
    begun.add(id(e))
    for part in e.children():
        yield from parts_once(part, e.part_channels(channels), begun)
    yield e, channels
