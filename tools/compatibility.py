# SPDX-License-Identifier: Apache-2.0
"""Whether a board can run a bundle, by what it says of itself."""

from __future__ import annotations

from typing import Any

from ..runtime.bundle import RUNNER
from ..runtime.machine import version_tuple
from ..runtime.signature import Signature
from ..targets.facts import Facts

SPARE_BYTES = 8 << 20
"""Beside the arena: the program itself, the frame and its pictures."""


def why_incompatible(manifest: dict[str, Any], facts: Facts, runner_only: bool) -> str:
    """Why a board cannot run a bundle; empty where it can."""
    target = manifest["target"]
    if why := Signature.parse(manifest).why_no_frames():
        return f"the bundle {why}; {RUNNER}, which proves it, takes them one by one"
    if facts.arch != target["arch"]:
        word = f" with a {facts.word_bits}-bit system" if facts.word_bits == 32 else ""
        return f"is {facts.arch}{word}, the bundle is for {target['arch']} ({target['name']})"
    if facts.word_bits == 32 and not runner_only:  # on all architectures of 32 bits it has ended above
        packages = f" ({facts.packages})" if facts.packages else ""
        return (
            f"has a 32-bit system{packages} under a 64-bit kernel, whose programs cannot load the bundle's library; "
            f"install the 64-bit system, or give --runner-only, which takes {RUNNER} alone"
        )
    if lacks := [f for f in target["features"] if f not in facts.features]:
        return f"its CPU lacks {', '.join(lacks)}, which the bundle for {target['name']} needs"
    if not runner_only and not glibc_is_enough(facts.libc, manifest["glibc"]):
        return (
            f"has {facts.libc or 'another C library'}, the bundle's library needs glibc {manifest['glibc']}; "
            f"--runner-only takes {RUNNER} alone, which needs none"
        )
    needed = manifest["arena_bytes"] + SPARE_BYTES
    if facts.memory_bytes is not None and facts.memory_bytes < needed:
        return f"has {facts.memory_bytes / 1e6:.0f} MB of free memory, the model needs {needed / 1e6:.0f}"
    return ""


def glibc_is_enough(libc: str, needed: str) -> bool:
    """Whether what getconf says of the C library is at least a version of glibc."""
    name, _, number = libc.partition(" ")
    try:
        return name == "glibc" and version_tuple(number) >= version_tuple(needed)
    except ValueError:
        return False
