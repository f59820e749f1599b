# SPDX-License-Identifier: Apache-2.0
"""A core as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Issue:
    """Vector arithmetic: slots that 128-bit instructions take, and how many there are a cycle."""

    per_cycle: int
    integer: int
    """Slots of an integer or logical instruction."""
    float: int
    """Slots of a float32 addition, product, multiply-add or comparison."""
    interleave: int
    """Slots of one that takes lanes of two vectors (zip, uzp, tbl)."""
    words: int = 4
    """128-bit vectors that hold 4 bytes for each lane of a kernel's vector."""


@dataclass(frozen=True)
class Caches:
    """Data caches of 64-byte lines: bytes and ways of the first and the second level."""

    l1_bytes: int
    l1_ways: int
    l2_bytes: int
    l2_ways: int

    @property
    def period(self) -> int:
        """Bytes after which an address falls into the same sets again, of both levels."""
        return max(self.l1_bytes // self.l1_ways, self.l2_bytes // self.l2_ways)


@dataclass(frozen=True)
class MemoryCharge:
    """Time that memory adds to model cycles, on the device that it was fitted to: the two belong together."""

    l1d_miss_cycles: float
    """Cycles that the core waits for a line that is not in its first-level data cache."""
    dram_bytes_per_second: float
    """Bytes that one core reads from DRAM and writes there at best."""
    source: str
    """Measurement that they come from."""


@dataclass(frozen=True)
class Core:
    """A core; None is what nobody has measured or read."""

    name: str
    lanes: int = 16
    """Lanes of the vectors that kernels are written in: a byte each, or 4 bytes in several registers."""
    register_bytes: int = 16
    """Bytes of a vector register."""
    group_bytes: int = 3 << 18
    """Bytes that a group of stages may touch again and again, its rings and constants: what does not stay in the
    second-level cache travels to DRAM like a whole map, and does so for each ring of the group, not only for its last
    map."""
    issue: Issue | None = None
    """Issue slots, by which a kernel's bound is known."""
    caches: Caches | None = None
    memory: MemoryCharge | None = None
    """None where nobody has held the model against a device: cycles and traffic are then counted, and no time said."""
    narrowing_shift: str | None = None
    """LLVM's intrinsic that shifts 8 int16 right and saturates them to int8 in one instruction; None where LLVM is to
    find its own way."""
    shift_right_insert: str | None = None
    """LLVM's intrinsic that shifts 16 bytes right and keeps another's bits above them; None as above."""
    window_bytes: int | None = None
    """Bytes of a window that are compared at once where vectors are of channels, and so the way in which bits are
    counted: 16, each output's in a vector of its own, whose neighbours are added; 4, of 8 outputs in a vector, whose
    bytes are. None where vectors of channels are no gain, or nobody has tried."""
    add_pairs: str | None = None
    """LLVM's intrinsic that adds neighbouring lanes of two vectors; None where there is none."""
    add_pairs_wide: str | None = None
    """The same of one vector of unsigned lanes, to lanes twice as wide."""
    mask_of_signs: str | None = None
    """LLVM's intrinsic that makes the signs of 8 float32 the bits of an integer; None where there is none."""
    takes_elements: bool = True
    """Whether a multiply-add takes an element of a vector as a factor of all lanes; else one is better loaded into all
    of them."""
    look_up: str | None = None
    """LLVM's intrinsic that looks 32 bytes up, by their lower halves, each half of them in 16 bytes of a table; None
    where the bits of bytes are counted by an instruction."""
    multiply_pairs: str | None = None
    """LLVM's intrinsic that multiplies 32 bytes without a sign by 32 with one, and saturates the sums of neighbouring
    products to int16; None where sums are better added up one product after the other."""
    pack: str | None = None
    """LLVM's intrinsic that saturates 16 and 16 int16 to int8, in the order that interleaved bytes have."""
    interleaves: bool = True
    """Whether what interleaves two vectors costs no more in memory (ld2, st2) than in registers."""
    averages_up: bool = False
    """Whether bytes are averaged by an instruction without a sign and rounding up alone (pavgb)."""
