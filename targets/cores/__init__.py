# SPDX-License-Identifier: Apache-2.0
"""Cores: what kernels, bounds, caches and the cycle model ask of a processor's core, as data. One core a file."""

from .core import Caches, Core, Issue, MemoryCharge
from .cortex_a53 import CORTEX_A53
from .cortex_a72 import CORTEX_A72
from .cortex_a76 import CORTEX_A76
from .generic import GENERIC
from .x86_64 import X86_64_V3, X86_64_V4

CORES = {core.name: core for core in (CORTEX_A72, CORTEX_A53, CORTEX_A76, X86_64_V3, X86_64_V4)}
"""Cores by the name that LLVM has for them."""


def core_of(cpu: str) -> Core:
    """The core that LLVM's -mcpu names; of others next to nothing is known."""
    return CORES.get(cpu, GENERIC)


__all__ = [
    "CORES",
    "CORTEX_A53",
    "CORTEX_A72",
    "CORTEX_A76",
    "GENERIC",
    "X86_64_V3",
    "X86_64_V4",
    "Caches",
    "Core",
    "Issue",
    "MemoryCharge",
    "core_of",
]
