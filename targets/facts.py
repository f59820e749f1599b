# SPDX-License-Identifier: Apache-2.0
"""What a device says of itself: one shell script that runs on any Linux, and what it prints."""

from __future__ import annotations

from dataclasses import dataclass

from ..runtime.machine import cpu_features

SCRIPT = r"""
say() { printf '%s=%s\n' "$1" "$2"; }
read_file() { cat "$1" 2>/dev/null; }
say arch "$(uname -m)"
say kernel "$(uname -sr)"
say word_bits "$(getconf LONG_BIT 2>/dev/null)"
say elf_class "$(dd if=/bin/sh bs=1 skip=4 count=1 2>/dev/null | od -An -tu1)"
say packages "$(dpkg --print-architecture 2>/dev/null || apk --print-arch 2>/dev/null)"
say home "$HOME"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
say features "$(grep -E '^(Features|flags)[[:space:]]*:' /proc/cpuinfo | sort -u | tr '\n' ';')"
say board "$(read_file /proc/device-tree/model | tr -d '\000')"
say cpu "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
say governor "$(read_file /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor)"
say clock_khz "$(read_file /sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq)"
say limit_khz "$(read_file /sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq)"
say millidegrees "$(read_file /sys/class/thermal/thermal_zone0/temp)"
say throttled "$(vcgencmd get_throttled 2>/dev/null | sed 's/^throttled=//')"
say memory_kb "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
say allowed "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)"
say taskset "$(command -v taskset)"
"""
HEAT = "soft temperature limit"
FLAGS = ("under-voltage", "clock capped", "throttled", HEAT)
"""Of the Raspberry Pi's firmware (vcgencmd get_throttled): bits 0 to 3 now, 16 to 19 since it was switched on."""


NARROW = {"armel", "armhf", "armv7", "i386", "x86"}
"""Architectures of 32 bits, as dpkg and apk call them."""


@dataclass(frozen=True)
class Facts:
    """None where the device does not say."""

    arch: str
    kernel: str
    cpu: str
    word_bits: int | None
    """Of its programs: 32 where any of its C library, its shell and its packages is so, under a 64-bit kernel too."""
    packages: str
    """The architecture of its packages, where dpkg or apk installs them."""
    home: str
    libc: str
    cpus: tuple[int, ...]
    """Cores that programs may run on; empty where the device does not say."""
    features: tuple[str, ...]
    """Flags that every core has, in order."""
    governor: str
    clock_mhz: float | None
    limit_mhz: float | None
    degrees: float | None  # Celsius
    throttled: int | None
    memory_bytes: int | None
    can_pin: bool

    @property
    def troubles(self) -> tuple[str, ...]:
        """What the firmware says that slows the device down now."""
        return tuple(name for bit, name in enumerate(FLAGS) if (self.throttled or 0) >> bit & 1)

    def summary(self) -> str:
        """One line for a person."""
        clock = f"{self.clock_mhz:.0f} MHz" if self.clock_mhz else "clock unknown"
        clock += f" of {self.limit_mhz:.0f}" if self.limit_mhz else ""
        heat = f"{self.degrees:.0f} degrees" if self.degrees is not None else "temperature unknown"
        words = [
            self.cpu or self.arch,
            f"{len(self.cpus) or '?'} cores",
            f"{self.word_bits or '?'} bits",
            self.kernel,
            clock,
        ]
        return ", ".join([*words, f"governor {self.governor or 'unknown'}", heat, *self.troubles])


def parse(text: str) -> Facts:
    """What SCRIPT printed; anything else in between is ignored."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def word(name: str) -> str:
        return found.get(name, "").strip()

    def number(name: str, base: int = 10) -> int | None:
        try:
            return int(word(name), base)
        except ValueError:
            return None

    def thousandth(name: str) -> float | None:
        value = number(name)
        return None if value is None else value / 1000

    memory = number("memory_kb")
    elf_class = number("elf_class")  # 1 for 32 bits, 2 for 64
    bits = [number("word_bits"), elf_class and 32 * elf_class, 32 if word("packages") in NARROW else None]
    return Facts(
        arch=word("arch"),
        kernel=word("kernel"),
        cpu=word("board") or word("cpu"),
        word_bits=min((b for b in bits if b), default=None),
        packages=word("packages"),
        home=word("home"),
        libc=word("libc"),
        cpus=core_list(word("allowed")),
        features=tuple(sorted(cpu_features(word("features").replace(";", "\n")))),
        governor=word("governor"),
        clock_mhz=thousandth("clock_khz"),
        limit_mhz=thousandth("limit_khz"),
        degrees=thousandth("millidegrees"),
        throttled=number("throttled", 16),
        memory_bytes=None if memory is None else 1024 * memory,
        can_pin=bool(word("taskset")),
    )


def core_list(text: str) -> tuple[int, ...]:
    """'0-2,5' -> (0, 1, 2, 5), as the kernel writes lists of cores; nothing for anything else."""
    cores: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            return ()
        cores += range(int(first), int(last or first) + 1)
    return tuple(cores)
