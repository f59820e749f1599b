# SPDX-License-Identifier: Apache-2.0
"""What to put before a board's program so that it runs here."""

import platform
from dataclasses import replace

import pytest

from biisnet.targets import TARGETS, emulator, resolve

HOST = replace(TARGETS["host"], arch=platform.machine(), cpu="generic")


def test_the_emulators_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator.shutil, "which", lambda name: f"/opt/{name}" if name == "qemu-aarch64" else None)
    assert emulator.command(resolve("rpi4")) == ["/opt/qemu-aarch64", "-cpu", "cortex-a72"]
    assert emulator.command(resolve("rpi3")) == ["/opt/qemu-aarch64", "-cpu", "cortex-a53"]
    assert emulator.command(resolve("rpi5")) == ["/opt/qemu-aarch64", "-cpu", "cortex-a76"]


def test_the_static_emulator_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's qemu-user-static has another name."""
    monkeypatch.setattr(emulator.shutil, "which", lambda name: f"/opt/{name}" if name.endswith("-static") else None)
    assert emulator.command(resolve("rpi4")) == ["/opt/qemu-aarch64-static", "-cpu", "cortex-a72"]


def test_this_machine_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator.shutil, "which", lambda name: None)
    assert emulator.command(HOST) == []
    assert emulator.command(replace(HOST, arch="other")) is None
    assert emulator.command(resolve("rpi4")) is None


def test_a_board_is_emulated_even_on_its_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an AArch64 machine too: what is verified is the board's CPU, not this one."""
    monkeypatch.setattr(emulator.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(emulator.shutil, "which", lambda name: f"/opt/{name}")
    assert emulator.command(resolve("rpi4")) == ["/opt/qemu-aarch64", "-cpu", "cortex-a72"]


def test_the_message_says_what_to_do() -> None:
    assert "apt-get install qemu-user" in emulator.MISSING
    assert "\n" not in emulator.MISSING
