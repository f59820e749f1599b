# SPDX-License-Identifier: Apache-2.0
"""Vectors of TIR: the few operations that the kernels are written in.

Every kernel names its vector operations here, so that what they become on a CPU is decided in one place:
`fma` is one rounding everywhere (so host and board agree bit for bit), a comparison with NaN is false.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.tirx.script.builder import ir as T  # noqa: N812  (TVM's own name for it)

from ...targets.cores import Core


@dataclass(frozen=True)
class Simd:
    """Operations on vectors of `lanes` elements; with one lane, on scalars."""

    lanes: int

    @classmethod
    def of(cls, core: Core) -> Simd:
        """The vectors of a core."""
        return cls(core.lanes)

    @property
    def twice(self) -> Simd:
        """Vectors of twice the lanes."""
        return Simd(2 * self.lanes)

    def dtype(self, element: str) -> str:
        """The TIR dtype of a vector of `element`."""
        return element if self.lanes == 1 else f"{element}x{self.lanes}"

    def splat(self, scalar: TirExpr) -> TirExpr:
        """`scalar` in every lane."""
        return scalar if self.lanes == 1 else tirx.Broadcast(scalar, self.lanes)

    def const(self, value: float, element: str) -> TirExpr:
        """A constant in every lane."""
        return self.splat(tirx.const(value, element))

    def index(self, start: TirExpr | int) -> TirExpr | int:
        """The index of `lanes` consecutive elements from `start`."""
        return start if self.lanes == 1 else tirx.Ramp(start, 1, self.lanes)

    def load(self, buffer: TirExpr, start: TirExpr | int) -> TirExpr:
        """Consecutive elements from `start`."""
        return buffer[self.index(start)]

    def load_strided(self, buffer: TirExpr, start: TirExpr | int, stride: int) -> TirExpr:
        """Every `stride`-th element from `start`: whole vectors, then a shuffle."""
        if stride == 1 or self.lanes == 1:
            return self.load(buffer, start)
        vectors = [T.Bind(self.load(buffer, start + i * self.lanes)) for i in range(stride)]
        return self.shuffle(vectors, range(0, stride * self.lanes, stride))

    def store(self, buffer: TirExpr, value: TirExpr, start: TirExpr | int) -> None:
        """Write consecutive elements from `start`."""
        T.buffer_store(buffer, value, [self.index(start)])

    def cast(self, x: TirExpr, element: str) -> TirExpr:
        """Convert each lane."""
        return tirx.Cast(PrimType(self.dtype(element)), x)

    def reinterpret(self, x: TirExpr, element: str) -> TirExpr:
        """The same bits as another type."""
        return tirx.reinterpret(PrimType(self.dtype(element)), x)

    def fma(self, a: TirExpr, b: TirExpr, c: TirExpr) -> TirExpr:
        """a*b + c, rounded once."""
        return tirx.call_llvm_pure_intrin(PrimType(self.dtype("float32")), "llvm.fma", a, b, c)

    def maximum(self, a: TirExpr, b: TirExpr) -> TirExpr:
        """The larger of two float32, by lanes; NaN where one is NaN, and 0.0 is larger than -0.0."""
        return tirx.call_llvm_pure_intrin(PrimType(self.dtype("float32")), "llvm.maximum", a, b)

    def maximum_of_ordered(self, a: TirExpr, b: TirExpr) -> TirExpr:
        """The larger of two float32 that have no sign bit but where they are NaN, by lanes; NaN where one is NaN. They
        are ordered as unsigned integers are, which costs half."""
        return self.reinterpret(tirx.max(self.reinterpret(a, "uint32"), self.reinterpret(b, "uint32")), "float32")

    def add_saturating(self, a: TirExpr, b: TirExpr, element: str = "int8") -> TirExpr:
        """a + b of signed integers, or the nearest that an `element` can be."""
        return tirx.call_llvm_pure_intrin(PrimType(self.dtype(element)), "llvm.sadd.sat", a, b)

    def clamp(self, x: TirExpr, bound: Callable[[TirExpr, TirExpr], TirExpr]) -> TirExpr:
        """max(x, 0) or min(x, 0) of float32, compared as integers, which costs half. -0.0 counts as below 0; NaN
        becomes 0 in one of the two and stays NaN in the other."""
        return self.reinterpret(bound(self.reinterpret(x, "int32"), self.const(0, "int32")), "float32")

    def shift_right(self, x: TirExpr, bits: int, element: str) -> TirExpr:
        """Each lane shifted right, arithmetically where `element` has a sign."""
        return tirx.shift_right(x, self.const(bits, element))

    @staticmethod
    def select(condition: TirExpr, a: TirExpr, b: TirExpr) -> TirExpr:
        """`a` where the condition holds, else `b`."""
        return tirx.Select(condition, a, b)

    @staticmethod
    def shuffle(vectors: Sequence[TirExpr], lanes: Sequence[int]) -> TirExpr:
        """A vector of the named lanes of the concatenated `vectors`."""
        return tirx.Shuffle(list(vectors), [tirx.const(i, "int32") for i in lanes])
