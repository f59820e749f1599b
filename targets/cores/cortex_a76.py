# SPDX-License-Identifier: Apache-2.0
"""Arm Cortex-A76, as in the Raspberry Pi 5 (BCM2712: 512 KB of second-level cache a core, 2 MB of a third one)."""

from .aarch64 import ADDP, SQSHRN, SRI, UADDLP
from .core import Caches, Core

CORTEX_A76 = Core(
    "cortex-a76",
    group_bytes=3 << 18,  # a second-level cache, and a part of the third
    caches=Caches(l1_bytes=64 << 10, l1_ways=4, l2_bytes=512 << 10, l2_ways=8),
    narrowing_shift=SQSHRN,
    shift_right_insert=SRI,
    window_bytes=16,
    add_pairs=ADDP,
    add_pairs_wide=UADDLP,
)
