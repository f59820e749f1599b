# SPDX-License-Identifier: Apache-2.0
"""What this machine can run: architecture, instruction-set extensions, C library."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """`features`: flags of /proc/cpuinfo that every core has; `glibc`: None where there is another libc."""

    arch: str
    features: frozenset[str]
    glibc: tuple[int, ...] | None

    def lacks(self, features: list[str]) -> list[str]:
        """Those of `features` that this machine does not have."""
        return [name for name in features if name not in self.features]


def version_tuple(text: str) -> tuple[int, ...]:
    """ "2.28" -> (2, 28); raises ValueError."""
    return tuple(int(part) for part in text.split("."))


def cpu_features(cpuinfo: str) -> frozenset[str]:
    """The flags common to all cores in the text of /proc/cpuinfo (x86: "flags", Arm: "Features")."""
    cores = [
        frozenset(value.split())
        for key, _, value in (line.partition(":") for line in cpuinfo.splitlines())
        if key.strip() in ("flags", "Features")
    ]
    return frozenset.intersection(*cores) if cores else frozenset()


def read_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The same of this machine; nothing where the system does not say."""
    return cpu_features(cpuinfo.read_text(errors="replace")) if cpuinfo.exists() else frozenset()


def _glibc() -> tuple[int, ...] | None:
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
        return version_tuple(version) if name == "glibc" else None
    except (AttributeError, OSError, ValueError):  # another libc or system
        return None


def this_machine() -> Machine:
    """The machine that runs this Python."""
    arch = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return Machine(arch, read_features(), _glibc())
