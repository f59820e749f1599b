# SPDX-License-Identifier: Apache-2.0
"""The memory that a verification takes, known before the work that comes before it."""

from __future__ import annotations

from pathlib import Path

from ..errors import CompileError
from ..ir.plan import Plan

SHARE = 1.6
"""ONNX Runtime's peak over its outputs, which are all stored maps in float32: its own buffers beside them. Measured
with the shipped network: 1.59 at 512x512."""
MEMINFO = Path("/proc/meminfo")


def needed_bytes(plan: Plan) -> int:
    """An estimate of the peak, of this process and the runner, beyond what is taken already."""
    values = {b.value: b for b in plan.program.buffers()}.values()
    return int(SHARE * sum(4 * b.channels * b.height * b.width for b in values)) + plan.probing.arena.bytes


def available_bytes() -> int | None:
    """Memory that the system can still give; None where it does not say."""
    try:
        lines = MEMINFO.read_text().splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith("MemAvailable:")), [])
    return 1024 * int(words[1]) if len(words) > 1 and words[1].isdecimal() else None


COMPILE_ANYWAY = "give --no-verify, and verify the same network at a smaller --size"


def check_memory(plan: Plan, instead: str = COMPILE_ANYWAY) -> None:
    """Raise CompileError, with the way out, where the system would end the verification for want of memory."""
    needed, available = needed_bytes(plan), available_bytes()
    if available is not None and needed > available:
        source = plan.program.inputs[0]
        raise CompileError(
            f"verifying {source.height}x{source.width} takes about {needed / 1e9:.1f} GB of memory, "
            f"{available / 1e9:.1f} are free; {instead}"
        )
