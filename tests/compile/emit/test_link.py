# SPDX-License-Identifier: Apache-2.0
"""What the linker is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from biisnet.compile.emit import link
from biisnet.compile.emit.link import Objects, link_runner
from biisnet.targets import resolve
from biisnet.targets.cycles import map_of, symbols

LLD = """\
             VMA              LMA     Size Align Out     In      Symbol
         10002d0          10002d0       4c     2 .rodata
         10002d0          10002d0       4c     2         libc.a(vfprintf.o):(.rodata.printf_core)
         1011a60          1011a60       24     4 .text
         1011a74          1011a74       10     1                 helper
         1011a60          1011a60       14     1                 kernel_a
"""


def test_measuring_needs_no_other_c_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a runner with symbols is linked by other flags: zig then builds its C library anew, for a minute."""
    told: list[list[object]] = []

    def zig(arguments: list[object], folder: Path) -> str:
        told.append(arguments)
        return LLD

    monkeypatch.setattr(link, "zig", zig)
    for wanted in (False, True):
        link_runner(Objects(tmp_path), resolve("rpi4"), tmp_path, symbols=wanted)
    plain, measured = told
    assert [word for word in measured if word != "-Wl,--print-map"] == plain
    assert len(measured) == len(plain) + 1
    assert symbols(tmp_path / link.RUNNER) == [(0x1011A60, "kernel_a"), (0x1011A74, "helper")]
    assert map_of(tmp_path / link.RUNNER).name == "biisnet-run.map"
