# SPDX-License-Identifier: Apache-2.0
"""Instructions that all cores of AArch64 have (Arm Architecture Reference Manual, Advanced SIMD)."""

SQSHRN = "llvm.aarch64.neon.sqshrn"
"""Signed saturating shift right narrow."""
SRI = "llvm.aarch64.neon.vsri"
"""Shifts bytes right and inserts them below the top bits of others, 16 lanes."""
ADDP = "llvm.aarch64.neon.addp"
"""Adds neighbouring lanes of two vectors."""
UADDLP = "llvm.aarch64.neon.uaddlp"
"""Adds neighbouring unsigned lanes to lanes twice as wide."""
