# SPDX-License-Identifier: Apache-2.0
"""Arm Cortex-A53, as in the Raspberry Pi 3 and Zero 2 W (BCM2837: 512 KB of second-level cache)."""

from .aarch64 import ADDP, SQSHRN, SRI, UADDLP
from .core import Caches, Core

CORTEX_A53 = Core(
    "cortex-a53",
    group_bytes=3 << 17,  # three quarters of the second-level cache
    caches=Caches(l1_bytes=32 << 10, l1_ways=4, l2_bytes=512 << 10, l2_ways=16),
    narrowing_shift=SQSHRN,
    shift_right_insert=SRI,
    window_bytes=16,
    add_pairs=ADDP,
    add_pairs_wide=UADDLP,
)
