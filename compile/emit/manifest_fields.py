# SPDX-License-Identifier: Apache-2.0
"""Frames and device as a bundle's manifest has them; read without the compiler, which a board's owner need not have."""

from __future__ import annotations

from typing import Any

from ...targets import TARGETS, Target


def frame_size(manifest: dict[str, Any]) -> tuple[int, int]:
    """Height and width of the frames that a bundle's manifest describes."""
    _, _, height, width = manifest["inputs"][0]["shape"]
    return height, width


def channels(manifest: dict[str, Any]) -> int:
    """Of the frames: 1 where they are grey."""
    count: int = manifest["inputs"][0]["shape"][1]
    return count


def target_of(manifest: dict[str, Any]) -> Target:
    """The target that a manifest describes."""
    entry = {"cpu": "", "llvm_features": (), **manifest["target"]}
    known = TARGETS.get(entry["name"], TARGETS["host"])  # of a target of somebody's own, this machine knows as little
    return Target(
        entry["name"],
        "",
        entry["arch"],
        entry["cpu"],
        tuple(entry["features"]),
        known.emulated_cpu,
        tuple(entry["llvm_features"]),
        manifest["glibc"],
        known.hertz,
        known.dram,
    )
