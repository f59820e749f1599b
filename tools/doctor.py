# SPDX-License-Identifier: Apache-2.0
"""Inventory of this machine: what it has of what the tool-chain needs, and how to get the rest."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ..targets import TARGETS, TargetError, emulator, pricing, resolve
from ..targets.zig_cache import VARIABLE, CacheError, find_cache

PACKAGES = {
    "numpy": "runtime",
    "typer": "command line",
    "onnx": "compile",
    "onnxruntime": "verification",
    "apache-tvm": "compile",
    "onnx-ir": "foreign files",
    "onnxscript": "foreign files, export",
    "ziglang": "link, for other machines too",
    "pillow": "read images",
    "torch": "export and train",
    "safetensors": "export and train",
    "lightning-fabric": "train",
    "tqdm": "train",
    "scipy": "metrics",
    "cloudpickle": "tune on boards",
    "psutil": "tune on boards",
    "tornado": "tune on boards",
    "matplotlib": "curves",
    "jinja2": "reports",
    "opencv-python-headless": "videos and cameras",
    "tensorboard": "logs of training",
    "cyclonedx-python-lib": "bills of materials",
}
EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "lightning-fabric": "train",
    "tqdm": "train",
    "scipy": "eval",
    "cloudpickle": "board",
    "psutil": "board",
    "tornado": "board",
    "opencv-python-headless": "video",
    "tensorboard": "tensorboard",
    "cyclonedx-python-lib": "sbom",
    "cyclonedx": "sbom",  # as Python imports it
}
"""Extras of the package, by what they bring; `compile` brings the rest."""


@dataclass(frozen=True)
class Finding:
    """One thing that is there or not."""

    what: str
    found: bool
    detail: str


def examine() -> list[Finding]:
    """All findings, what everything needs first."""
    findings = [Finding("python", True, platform.python_version())]
    for package, use in PACKAGES.items():
        try:
            findings.append(Finding(f"package {package}", True, f"{version(package)} ({use})"))
        except PackageNotFoundError:
            extra = EXTRAS.get(package, "compile")
            findings.append(Finding(f"package {package}", False, f"{use}: pip install '.[{extra}]' (in a clone)"))
    findings.append(zig_cache())
    found = emulator.find_emulator(TARGETS["rpi4"])
    findings.append(Finding("emulator", found is not None, "qemu-aarch64" if found else emulator.MISSING))
    llvm = shutil.which(f"llvm-mca-{pricing.LLVM}")
    without = f"apt-get install llvm-{pricing.LLVM} (as root)"
    findings.append(Finding("cycle model", llvm is not None, f"LLVM {pricing.LLVM}" if llvm else without))
    ssh = shutil.which("ssh")
    findings.append(Finding("deploy", ssh is not None, "ssh" if ssh else "apt-get install openssh-client (as root)"))
    try:
        host = resolve("host")
        findings.append(Finding("target host", True, f"{host.arch} as {host.cpu}"))
    except TargetError as e:
        findings.append(Finding("target host", False, str(e)))
    return findings


def zig_cache() -> Finding:
    """zig's place for what it builds: where that is no lasting one, C libraries are built again and again."""
    try:
        cache = find_cache()
    except CacheError as e:
        return Finding("zig's cache", False, str(e))
    if cache.instead:
        return Finding(
            "zig's cache", False, f"{cache.instead}; {cache.folder} serves: set {VARIABLE} to one that stays"
        )
    return Finding("zig's cache", True, str(cache.folder))
