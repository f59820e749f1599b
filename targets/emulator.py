# SPDX-License-Identifier: Apache-2.0
"""The emulated device: qemu-user runs the target's programs on this machine, instruction for instruction."""

from __future__ import annotations

import platform
import shutil

from ..runtime.machine import read_features
from .devices import Target

MISSING = "no emulator here: apt-get install qemu-user (as root)"


def find_emulator(target: Target) -> str | None:
    """Path of the qemu that runs the target's programs, or None."""
    if not target.emulated_cpu:
        return None
    return shutil.which(f"qemu-{target.arch}") or shutil.which(f"qemu-{target.arch}-static")


def runs_here(target: Target) -> bool:
    """Whether this machine runs the target's programs by itself: it is of that kind, or better."""
    return target.arch == platform.machine() and read_features().issuperset(target.features)


def why_not_here(target: Target) -> str:
    """Why nothing runs the target's programs here, where `command` is None, and what to do."""
    if target.emulated_cpu:
        return MISSING
    if target.arch != platform.machine():
        return f"this machine is {platform.machine()}; use it on a machine that is {target.arch}"
    lacks = ", ".join(f for f in target.features if f not in read_features())
    return f"this CPU lacks {lacks}; use it where it was compiled, or compile it again here"


def command(target: Target) -> list[str] | None:
    """The words before a program of the target that let it run here; None where nothing can."""
    if runs_here(target):
        return []
    emulator = find_emulator(target)
    return [emulator, "-cpu", str(target.emulated_cpu)] if emulator else None
