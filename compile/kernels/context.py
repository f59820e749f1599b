"""What an emitter sees of the row kernel that it writes into: rows, constants, the place at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..program import Expr, Operand
from .simd import Simd

SECTIONS = ("float32", "int16", "uint8")
"""Element types of a stage's constants, in the order that they lie in its parameter block."""
SECTION_ALIGNMENT = 64


@dataclass
class Parameters:
    """A stage's constants: one section a type, filled in the order in which the emitters ask."""

    arrays: dict[str, list[npt.NDArray]] = field(default_factory=lambda: {s: [] for s in SECTIONS})
    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SECTIONS, 0))

    def add(self, array: npt.NDArray) -> int:
        """Append; returns the element offset in the section of the array's type."""
        section = str(array.dtype)
        offset = self.sizes[section]
        self.arrays[section].append(array.ravel())
        self.sizes[section] += array.size
        return offset

    def section_offsets(self) -> dict[str, int]:
        """Byte offset of each section in the block."""
        offsets, at = {}, 0
        for section in SECTIONS:
            offsets[section] = at
            at += -(-self.sizes[section] * np.dtype(section).itemsize // SECTION_ALIGNMENT) * SECTION_ALIGNMENT
        return offsets

    def to_bytes(self) -> bytes:
        """The block as the kernel reads it."""
        block = b""
        for section in SECTIONS:
            data = np.concatenate([*self.arrays[section], np.zeros(0, section)]).astype(section).tobytes()
            block += data + bytes(-len(data) % SECTION_ALIGNMENT)
        return block


class Context:
    """One place in the row: `lanes` pixels from `column`, of one channel at a time."""

    def __init__(
        self,
        simd: Simd,
        rows: dict[Operand, list[TirExpr]],
        parameters: Parameters,
        sections: dict[str, TirExpr],
        width: int,
        height: int,
        y: TirExpr,
    ) -> None:
        self.simd = simd
        self.width, self.height, self.y = width, height, y
        self.column: TirExpr | int = 0
        self.parameters, self.sections = parameters, sections
        self._rows = rows
        self._offsets: dict[tuple[int, str], int] = {}
        self._values: dict[int, TirExpr] = {}
        self._prepared: dict[int, Any] = {}

    def prepare(self, e: Expr, value: Any) -> None:
        """Keep what was computed for `e` before the loops."""
        self._prepared[id(e)] = value

    def prepared(self, e: Expr) -> Any:
        """What was computed for `e` before the loops."""
        return self._prepared[id(e)]

    def rows(self, operand: Operand) -> list[TirExpr]:
        """The operand's rows, as TIR buffers."""
        return self._rows[operand]

    def parameter(self, owner: object, name: str, make: Callable[[], npt.NDArray]) -> tuple[TirExpr, int]:
        """The section that holds an owner's constant, and where; `make` builds it the first time."""
        array = None
        if (id(owner), name) not in self._offsets:
            array = make()
            self._offsets[id(owner), name] = self.parameters.add(array)
            self._offsets[id(owner), name + ".section"] = SECTIONS.index(str(array.dtype))
        section = SECTIONS[self._offsets[id(owner), name + ".section"]]
        return self.sections[section], self._offsets[id(owner), name]

    def per_channel(self, owner: object, name: str, array: npt.NDArray[np.float32], o: TirExpr | int) -> TirExpr:
        """Element `o` of a float32 array, in every lane."""
        section, offset = self.parameter(owner, name, lambda: np.asarray(array, np.float32))
        return self.simd.splat(section[offset + o])

    def bind(self, value: TirExpr) -> TirExpr:
        """Name a value, so that it is computed once."""
        return T.Bind(value)

    def begin_channel(self) -> None:
        """Forget the values of the channel before."""
        self._values.clear()

    def memo(self, e: Expr, emit: Callable[[], TirExpr]) -> TirExpr:
        """The value of `e` at this place, emitted once."""
        if id(e) not in self._values:
            self._values[id(e)] = self.bind(emit())
        return self._values[id(e)]


def place_class(index: TirExpr, first: int, last: int, total: int) -> TirExpr:
    """Which of the distinct border positions `index` is: 0 .. first-1 at the start, then one for all of the
    interior, then `last` at the end; where they overlap (total <= first + last) it is `index`."""
    if total <= first + last:
        return index
    return tirx.min(index, tirx.const(first, "int32")) + tirx.max(index - (total - last - 1), tirx.const(0, "int32"))


def place_count(first: int, last: int, total: int) -> int:
    """How many classes `place_class` tells apart."""
    return total if total <= first + last else first + last + 1


def place_example(c: int, first: int, last: int, total: int) -> int:
    """An index that is of class `c`."""
    if total <= first + last or c <= first:
        return c
    return total - last + (c - first - 1)
