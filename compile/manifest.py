"""What a bundle's manifest says of its frames and its device."""

from __future__ import annotations

from ..targets import TARGETS, Target


def frame_size(manifest: dict) -> tuple[int, int]:
    """Height and width of the frames that a bundle's manifest describes."""
    _, _, height, width = manifest["inputs"][0]["shape"]
    return height, width


def target_of(manifest: dict) -> Target:
    """The target that a manifest describes."""
    entry = {"cpu": "", **manifest["target"]}
    emulated = TARGETS[entry["name"]].emulated_cpu if entry["name"] in TARGETS else None
    return Target(
        entry["name"], "", entry["arch"], entry["cpu"], tuple(entry["features"]), emulated, glibc=manifest["glibc"]
    )
