# SPDX-License-Identifier: Apache-2.0
"""x86-64 by LLVM's levels: with AVX2 (x86-64-v3), and with AVX-512 (x86-64-v4).

Their many makes differ in slots and caches, so nothing is said of those. But all that have AVX2 alone look bytes up and
none counts their bits, and none takes bytes across the halves of a vector as cheaply as within them. Those with AVX-512
may have a count of bits (BITALG), which LLVM then takes where a kernel counts.
"""

from .core import Core

PSHUFB = "llvm.x86.avx2.pshuf.b"
"""Looks 32 bytes up, each half in a table of its own (Intel 64 and IA-32 Software Developer's Manual, VPSHUFB)."""
PMADDUBSW = "llvm.x86.avx2.pmadd.ub.sw"
"""Products of bytes without and with a sign, of neighbours added up (VPMADDUBSW)."""
PACKSSWB = "llvm.x86.avx2.packsswb"
"""Words saturated to bytes, within each half (VPACKSSWB)."""

MOVMSKPS = "llvm.x86.avx.movmsk.ps.256"
"""The signs of 8 float32 as 8 bits (VMOVMSKPS)."""

X86_64_V3 = Core(
    "x86-64-v3",
    register_bytes=32,
    window_bytes=4,
    mask_of_signs=MOVMSKPS,
    takes_elements=False,
    look_up=PSHUFB,
    multiply_pairs=PMADDUBSW,
    pack=PACKSSWB,
    interleaves=False,
    averages_up=True,
)

X86_64_V4 = Core("x86-64-v4", window_bytes=4, mask_of_signs=MOVMSKPS, takes_elements=False)
