# SPDX-License-Identifier: Apache-2.0
"""Arm Cortex-A72, as in the Raspberry Pi 4.

Slots and pipes: Cortex-A72 Software Optimization Guide, section 3. Two 128-bit vector pipes; an integer instruction of
128 bits takes one of their two slots a cycle, a floating-point one two, one that interleaves lanes three. Caches:
BCM2711, 32 KB of data and 1 MB of second-level cache that four cores share.

Memory: a Raspberry Pi 4 streams 4 GB/s. The charge of a miss is what is then left of one pair of published figures.
Larq publishes 77.0 and 45.0 ms for QuickNetLarge and QuickNet on a Raspberry Pi 4 (one thread, 1.5 GHz); the two
differ by 16 residual blocks, 32.0 ms. Larq's kernels for them take 18.8 ms of model cycles, their DRAM traffic 7.3 ms;
the rest, over 884 000 misses, is 9.9 cycles a miss. So it is an average that has in it whatever the model leaves out of
those kernels: mispredicted branches, the TLB, the front end, what prefetching hides.
"""

from .aarch64 import ADDP, SQSHRN, SRI, UADDLP
from .core import Caches, Core, Issue, MemoryCharge

CORTEX_A72 = Core(
    "cortex-a72",
    group_bytes=3 << 18,  # three quarters of the second-level cache
    issue=Issue(per_cycle=2, integer=1, float=2, interleave=3),
    caches=Caches(l1_bytes=32 << 10, l1_ways=2, l2_bytes=1 << 20, l2_ways=16),
    memory=MemoryCharge(
        l1d_miss_cycles=9.9,
        dram_bytes_per_second=4e9,
        source="Larq Compute Engine's published times of QuickNet and QuickNetLarge on a Raspberry Pi 4",
    ),
    narrowing_shift=SQSHRN,
    shift_right_insert=SRI,
    window_bytes=16,
    add_pairs=ADDP,
    add_pairs_wide=UADDLP,
)
