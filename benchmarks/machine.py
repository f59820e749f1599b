# SPDX-License-Identifier: Apache-2.0
"""The machine that the host's figures are of."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .arm64_root import ONNXRUNTIME

PACKAGES = ("biisnet", "onnxruntime", "torch", "apache-tvm")


def describe(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """The CPU as it names itself, and how many threads this process may have."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return {"cpu": name, "arch": platform.machine(), "threads": len(os.sched_getaffinity(0))}


def versions() -> dict[str, str]:
    """Versions of the engines; of ONNX Runtime, the emulated one's too."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "onnxruntime (emulated)": ONNXRUNTIME}
