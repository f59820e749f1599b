# SPDX-License-Identifier: Apache-2.0
"""The context of emitters whose lanes are channels: 8 channels of one pixel, of a tile of a few pixels at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tvm import tirx
from tvm.ir import Expr as TirExpr
from tvm.ir import PrimType
from tvm.tirx.script.builder import ir as T  # noqa: N812

from ..ir.buffers import Buffer
from ..ir.expressions import Expr
from ..ir.window import Window
from ..storage.bits import INFINITY_BITS
from ..storage.encoding import BLOCK
from .context import Context, parts_once
from .simd import Simd

if TYPE_CHECKING:
    from .channel_convolution import Share

HALF = 16
"""Bits of half a float32."""
WORDS = "int16"
"""The section that the runtime copies as it is: constants that are vectors already lie in it, whatever their type."""


class ChannelContext(Context):
    """As Context, but that a vector is the channels `o` .. `o` + 7 of the pixel at hand, for each `o` asked for."""

    pixel = 0
    """The pixel at hand, in its tile."""
    tile = 1
    """Pixels of a tile."""
    span = 1
    """Blocks that are begun together."""
    within: TirExpr | int = 0
    """The first channel of the block at hand, among those that were begun together."""

    def __init__(self, *of_row: Any) -> None:
        super().__init__(*of_row)
        self.simd = Simd(BLOCK)
        self._spans: dict[int, Any] = {}
        self.shares: dict[int, Share] = {}
        """The share at hand of a convolution whose inputs are cut, by its identity."""

    def begin_span(self, e: Expr, channels: list[TirExpr | int], begun: set[int]) -> None:
        """Compute what `e` and its parts need for the channels of several blocks at once, each node once."""
        for part, of_part in parts_once(e, channels, begun):
            self._spans[id(part)] = part.begin_span(self, of_part)

    def spanned(self, e: Expr) -> Any:
        """The value that was computed for `e` for the blocks at hand."""
        return self._spans[id(e)]

    @property
    def place(self) -> TirExpr:
        """The column at hand, as TIR whatever it is."""
        return tirx.const(self.column, "int32") if isinstance(self.column, int) else self.column

    def per_channel(self, owner: object, name: str, array: npt.NDArray[Any], o: TirExpr | int) -> TirExpr:
        """Elements `o` .. `o` + 7 of an array, a lane each; of an array of one, that in every lane."""
        section, offset = self.parameter(
            owner, name, lambda: as_words(np.repeat(array, 1 if len(array) > 1 else BLOCK))
        )
        words = array.itemsize // np.dtype(WORDS).itemsize
        at = offset + (o * words if len(array) > 1 else 0)
        return self.bind(self.vector_at(section, at, str(array.dtype), BLOCK))

    def addend(self, owner: object, name: str, array: npt.NDArray[Any], o: TirExpr | int) -> TirExpr:
        """As `per_channel`: a load is a register of its own."""
        return self.per_channel(owner, name, array, o)

    def vector_at(self, section: TirExpr, at: TirExpr | int, element: str, lanes: int) -> TirExpr:
        """Lanes of `element` from word `at` of a section on."""
        words = Simd(lanes * np.dtype(element).itemsize // np.dtype(WORDS).itemsize)
        return Simd(lanes).reinterpret(words.load(section, at), element)

    def lanes_at(self, buffer: Buffer, plane: TirExpr | int, column: TirExpr | int) -> TirExpr | int:
        """The index of a vector of planes from `plane` on."""
        return self.index(buffer.layout.at(buffer, plane, column), buffer.layout.strides(buffer)[1])

    def tap(
        self, row: TirExpr, buffer: Buffer, plane: TirExpr | int, window: Window, pixel: int, kx: TirExpr | int
    ) -> TirExpr:
        """8 planes from `plane` on of an interleaved map, where column `kx` of a window lies: of the pixel that is so
        many columns behind the one at hand."""
        stride, layout = window.strides[1], buffer.layout
        at = layout.at(buffer, plane, self.column * stride, kx * window.dilations[1] - window.pads[1])
        return self.bind(self.simd.load(row, at + pixel * stride * layout.strides(buffer)[0]))

    @staticmethod
    def store_at(row: TirExpr, value: TirExpr, at: TirExpr | int) -> None:
        """One element."""
        T.buffer_store(row, value, [at])

    def add_pairs(self, a: TirExpr, b: TirExpr, element: str) -> TirExpr:
        """Sums of neighbouring lanes, those of `a` before those of `b`; vectors of 16 bytes."""
        lanes = 16 // np.dtype(element).itemsize
        if self.core.add_pairs is None:
            even, odd = (Simd.shuffle([a, b], range(first, 2 * lanes, 2)) for first in (0, 1))
            return self.bind(even + odd)
        dtype = PrimType(Simd(lanes).dtype(element))
        return self.bind(tirx.call_llvm_pure_intrin(dtype, self.core.add_pairs, a, b))

    def add_pairs_wide(self, total: TirExpr, x: TirExpr) -> TirExpr:
        """uint16 lanes, with the sums of neighbouring bytes of `x` added."""
        s = Simd(BLOCK)
        if self.core.add_pairs_wide is None:
            even, odd = (s.cast(Simd.shuffle([x], range(first, 2 * BLOCK, 2)), "uint16") for first in (0, 1))
            return total + even + odd
        return total + tirx.call_llvm_pure_intrin(PrimType(s.dtype("uint16")), self.core.add_pairs_wide, x)

    def fold(self, vectors: Sequence[TirExpr], element: str) -> TirExpr:
        """One vector of a power of two of them: their lanes summed, side by side."""
        while len(vectors) > 1:
            vectors = [self.add_pairs(a, b, element) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
        return vectors[0]

    def is_positive(self, value: TirExpr) -> TirExpr:
        """Whether float32 lanes that are not -0.0 are 0 or more; NaN, quiet as arithmetic makes it, is not.

        The upper halves say so: to narrow what is compared costs less than to narrow what comparing gives. Where that
        is not narrowed at all, the values do.
        """
        if self.core.mask_of_signs is not None:
            return value >= self.simd.const(0.0, "float32")
        words = self.bind(self.simd.reinterpret(value, "int32"))
        if self.core.narrowing_shift is None:
            upper = self.simd.cast(self.simd.shift_right(words, HALF, "int32"), "int16")
        else:
            upper = self.in_parts(self.core.narrowing_shift, BLOCK // 2, "int16", [words], HALF)
        return self.simd.reinterpret(upper, "uint16") <= self.simd.const(INFINITY_BITS >> HALF, "uint16")

    def bits_where(self, condition: TirExpr) -> TirExpr:
        """An int32 whose bit i says whether the condition holds in lane i, where the core has an instruction for it;
        else uint16 lanes of all ones where it holds, and of 0 where not."""
        if self.core.mask_of_signs is not None:
            signs = tirx.Select(condition, self.simd.const(-1, "int32"), self.simd.const(0, "int32"))
            kept = self.simd.reinterpret(signs, "float32")
            return tirx.call_llvm_pure_intrin(PrimType("int32"), self.core.mask_of_signs, kept)
        return tirx.Select(condition, self.simd.const(0xFFFF, "uint16"), self.simd.const(0, "uint16"))

    def bytes_of(self, pixels: Sequence[TirExpr]) -> list[TirExpr]:
        """A byte for each of up to 8 pixels, of what `bits_where` gives.

        Two pixels' masks are the halves of one vector's lanes, of which lane i keeps bit i of each: the sum of all
        lanes has both bytes, without a carry. All bytes go to a scalar register at once, through a fence: LLVM would
        take each of them out of the vector."""
        if self.core.mask_of_signs is not None:
            return [tirx.Cast(PrimType("uint8"), mask) for mask in pixels]
        padded = [*pixels, *[pixels[0]] * (BLOCK - len(pixels))]
        places = Simd.shuffle([tirx.const(0x101 << i, "uint16") for i in range(BLOCK)], range(BLOCK))
        pairs = [self.bind(self.halves_of(*two) & places) for two in zip(padded[::2], padded[1::2], strict=True)]
        sums = self.fold(pairs, "uint16")
        sums = self.bind(Simd(2).reinterpret(self.add_pairs(sums, sums, "uint16"), "float64"))
        lane = Simd.shuffle([sums], [0])
        kept = tirx.call_llvm_pure_intrin(PrimType("float64"), "llvm.arithmetic.fence", lane)
        word = self.kept(tirx.reinterpret(PrimType("uint64"), kept), "uint64")
        return [
            tirx.Cast(PrimType("uint8"), tirx.shift_right(word, tirx.const(i * BLOCK, "uint64")))
            for i in range(len(pixels))
        ]

    def halves_of(self, low: TirExpr, high: TirExpr) -> TirExpr:
        """uint16 lanes, their lower bytes of one mask and their upper ones of another."""
        if self.core.shift_right_insert is not None:
            return self.in_parts(self.core.shift_right_insert, BLOCK, "uint16", [high, low], 8)
        return (low & self.simd.const(0xFF, "uint16")) | (high & self.simd.const(0xFF00, "uint16"))

    def kept(self, value: TirExpr, dtype: str) -> TirExpr:
        """A scalar behind memory: TVM does not look there, where it would put what a name is for in its place."""
        memory = T.alloc_buffer((1,), dtype, scope="local")
        T.buffer_store(memory, value, [0])
        return self.bind(memory[0])


def as_words(array: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """The bytes of an array as the section has them."""
    words: npt.NDArray[np.int16] = np.ascontiguousarray(array).view(np.int16)
    return words
