# SPDX-License-Identifier: Apache-2.0
"""The emulated device: qemu-user runs the target's programs on this machine, instruction for instruction."""

from __future__ import annotations

import platform
import shutil

from .devices import Target, cpu_flags

MISSING = "no emulator here: apt-get install qemu-user (as root)"


def find_emulator(target: Target) -> str | None:
    """Path of the qemu that runs the target's programs, or None."""
    if not target.emulated_cpu:
        return None
    return shutil.which(f"qemu-{target.arch}") or shutil.which(f"qemu-{target.arch}-static")


def runs_here(target: Target) -> bool:
    """Whether this machine runs the target's programs by itself: it is of that kind, or better."""
    return target.arch == platform.machine() and cpu_flags().issuperset(target.features)


def command(target: Target) -> list[str] | None:
    """What to put before a program of the target so that it runs here; None where nothing can."""
    if runs_here(target):
        return []
    emulator = find_emulator(target)
    return [emulator, "-cpu", str(target.emulated_cpu)] if emulator else None
