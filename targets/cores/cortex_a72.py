# SPDX-License-Identifier: Apache-2.0
"""Arm Cortex-A72, as in the Raspberry Pi 4.

Slots and pipes: Cortex-A72 Software Optimization Guide, section 3. Two 128-bit vector pipes; an integer instruction of
128 bits takes one of their two slots a cycle, a floating-point one two, one that interleaves lanes three. Caches:
BCM2711, 32 KB of data and 1 MB of second-level cache that four cores share.
"""

from .aarch64 import SQSHRN
from .core import Caches, Core, Issue

CORTEX_A72 = Core(
    "cortex-a72",
    segment_bytes=3 << 18,  # three quarters of the second-level cache
    issue=Issue(per_cycle=2, integer=1, float=2, interleave=3),
    caches=Caches(l1_bytes=32 << 10, l1_ways=2, l2_bytes=1 << 20, l2_ways=16),
    narrowing_shift=SQSHRN,
)
