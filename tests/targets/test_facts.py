# SPDX-License-Identifier: Apache-2.0
"""What a device says of itself: the script runs in any POSIX shell, and odd answers are no crash."""

from __future__ import annotations

import os
import platform
import subprocess

import pytest

from biisnet.targets.facts import SCRIPT, parse

PI = """\
motd: welcome
arch=aarch64
kernel=Linux 6.6.31
word_bits=64
libc=glibc 2.36
features=Features	: fp asimd evtstrm crc32 cpuid;Features	: fp asimd cpuid;
board=Raspberry Pi 4 Model B Rev 1.4
governor=ondemand
clock_khz=1500000
limit_khz=1800000
millidegrees=81200
throttled=0x50005
memory_kb=3145728
allowed=0-2,5
taskset=/usr/bin/taskset
"""


def test_a_board() -> None:
    facts = parse(PI)
    assert (facts.cpu, facts.cpus, facts.word_bits) == ("Raspberry Pi 4 Model B Rev 1.4", (0, 1, 2, 5), 64)
    assert (facts.clock_mhz, facts.limit_mhz, facts.degrees) == (1500, 1800, 81.2)
    assert facts.memory_bytes == 3 << 30
    assert facts.troubles == ("under-voltage", "throttled")
    assert facts.can_pin
    assert "1500 MHz of 1800, governor ondemand, 81 degrees, under-voltage, throttled" in facts.summary()


def test_a_device_that_says_nothing() -> None:
    facts = parse("arch=\nallowed=many\nthrottled=VCHI initialization failed\nclock_khz=\n")
    assert (facts.throttled, facts.clock_mhz, facts.degrees, facts.memory_bytes) == (None,) * 4
    assert facts.cpus == ()
    assert facts.troubles == ()
    assert not facts.can_pin
    assert "clock unknown, governor unknown, temperature unknown" in facts.summary()


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_this_machine(shell: str) -> None:
    done = subprocess.run([shell, "-c", SCRIPT], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    facts = parse(done.stdout)
    assert facts.arch == platform.machine()
    assert set(facts.cpus) == os.sched_getaffinity(0)
    assert facts.word_bits == 64
    assert facts.memory_bytes
    assert set(facts.features) >= {"avx2"} if facts.arch == "x86_64" else {"asimd"}
