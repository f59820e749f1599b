# SPDX-License-Identifier: Apache-2.0
"""The registry of devices. A new one is an entry here; what its core is stands in cores/."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace

from ..runtime.machine import read_features
from .cores import Core, core_of

GLIBC = "2.28"
"""The oldest glibc that a bundle runs on (Debian 10, Raspberry Pi OS of 2019)."""


class TargetError(ValueError):
    """An unknown device, or one that this machine cannot be; one line."""


@dataclass(frozen=True)
class Target:
    """A device: what the compiler and the linker are told, and what the loader checks."""

    name: str
    description: str
    arch: str  # as `uname -m` prints it
    cpu: str  # LLVM's -mcpu
    features: tuple[str, ...]  # needed, as /proc/cpuinfo names them
    emulated_cpu: str | None = None  # qemu's -cpu
    llvm_features: tuple[str, ...] = ()  # LLVM's -mattr beyond the CPU's own
    glibc: str = GLIBC
    hertz: float | None = None  # of its core's clock, by which model cycles become seconds; None where nobody asks

    @property
    def triple(self) -> str:
        """The LLVM target triple."""
        return f"{self.arch}-linux-gnu"

    @property
    def core(self) -> Core:
        """The core, which kernels, bounds and caches ask."""
        return core_of(self.cpu)

    @property
    def llvm(self) -> dict[str, object]:
        """The TVM target."""
        attributes = {"mattr": list(self.llvm_features)} if self.llvm_features else {}
        return {"kind": "llvm", "mtriple": self.triple, "mcpu": self.cpu, **attributes}

    def zig(self, libc: str = "gnu") -> list[str]:
        """zig cc's target options, for a glibc of at least `self.glibc` or for static musl.

        The CPU is left at the architecture's baseline: only the runtime's C is compiled with it, and zig's libc,
        a minute's work, then serves every CPU of the architecture.
        """
        suffix = f"gnu.{self.glibc}" if libc == "gnu" else libc
        return ["-target", f"{self.arch}-linux-{suffix}"]


RPI = ("asimd",)
SLOW_PAIRS = ("+slow-paired-128",)
"""No pairs of 16-byte loads: on the Cortex-A72 one takes as long as two loads, and one micro-operation more."""
TARGETS: dict[str, Target] = {
    t.name: t
    for t in (
        Target(
            "rpi4",
            "Raspberry Pi 4 (Cortex-A72, 64-bit)",
            "aarch64",
            "cortex-a72",
            RPI,
            "cortex-a72",
            SLOW_PAIRS,
            hertz=1.5e9,
        ),
        Target("rpi3", "Raspberry Pi 3 (Cortex-A53, 64-bit)", "aarch64", "cortex-a53", RPI, "cortex-a53", hertz=1.2e9),
        Target(
            "rpi-zero2w",
            "Raspberry Pi Zero 2 W (Cortex-A53, 64-bit)",
            "aarch64",
            "cortex-a53",
            RPI,
            "cortex-a53",
            hertz=1e9,
        ),
        Target(
            "rpi5",
            "Raspberry Pi 5 (Cortex-A76)",
            "aarch64",
            "cortex-a76",
            (*RPI, "asimddp"),
            "cortex-a76",
            hertz=2.4e9,
        ),
        Target("host", "this machine's own CPU", "", "", ()),
    )
}

# LLVM's x86-64 levels, best first, with the flags that /proc/cpuinfo must show
X86_LEVELS = (
    ("x86-64-v4", ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "bmi2", "fma", "movbe")),
    ("x86-64-v3", ("avx2", "bmi1", "bmi2", "f16c", "fma", "movbe")),
)


def this_machine(flags: frozenset[str], machine: str) -> Target:
    """The `host` entry, filled in from the CPU's flags.

    Raises TargetError where the CPU has no vector unit with fused multiply-add: results would differ.
    """
    host = TARGETS["host"]
    if machine == "aarch64":
        return replace(host, arch="aarch64", cpu="cortex-a72" if "asimd" in flags else "generic", features=RPI)
    if machine == "x86_64":
        for level, needed in X86_LEVELS:
            if flags.issuperset(needed):
                vpopcnt = ("avx512_bitalg",) if level == "x86-64-v4" and "avx512_bitalg" in flags else ()
                return replace(
                    host,
                    arch="x86_64",
                    cpu=level,
                    features=(*needed, *vpopcnt),
                    llvm_features=("+avx512bitalg",) if vpopcnt else (),
                )
        raise TargetError("target host: this CPU lacks AVX2 or FMA; compile for rpi4 and use the emulated device")
    raise TargetError(f"target host: no kernels for {machine}; this works on x86_64 and aarch64")


def resolve(name: str) -> Target:
    """The target called `name`; `host` is this machine. Raises TargetError."""
    if name not in TARGETS:
        raise TargetError(f"unknown target '{name}': choose one of {', '.join(TARGETS)}")
    return this_machine(read_features(), platform.machine()) if name == "host" else TARGETS[name]
