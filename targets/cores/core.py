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


@dataclass(frozen=True)
class Core:
    """A core; None is what nobody has measured or read."""

    name: str
    lanes: int = 16
    """Lanes of the vectors that kernels are written in: a byte each, or 4 bytes in several registers."""
    segment_bytes: int = 3 << 18
    """Bytes that a segment may touch again and again, its rings and constants: what does not stay in the second-level
    cache travels to DRAM like a whole map, and does so for each ring of the segment, not only for its last map."""
    issue: Issue | None = None
    """Issue slots, by which a kernel's bound is known."""
    caches: Caches | None = None
    narrowing_shift: str | None = None
    """LLVM's intrinsic that shifts 8 int16 right and saturates them to int8 in one instruction; None where LLVM is to
    find its own way."""
