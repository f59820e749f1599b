# SPDX-License-Identifier: Apache-2.0
"""`--check`: what counts as slower."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import measure
from benchmarks.cli import app
from benchmarks.regression import compare, recorded
from benchmarks.results import DeviceRow, Results, write

OLD = DeviceRow("net", "10x10", "biisnet", 100_000)


@pytest.mark.parametrize(("cycles", "well"), [(90_000, True), (102_000, True), (102_100, False), (None, False)])
def test_two_per_cent(cycles: int | None, well: bool) -> None:
    reason = None if cycles else "no emulator"
    lines, found = compare([OLD], [replace(OLD, cycles=cycles, reason=reason)])
    assert found is well
    assert len(lines) == 1
    assert ("slower" in lines[0]) == (cycles == 102_100)


def test_only_our_figures_are_compared() -> None:
    rows = (OLD, replace(OLD, engine="onnxruntime"), replace(OLD, cycles=None, reason="no emulator"))
    assert recorded(Results(device=rows)) == [OLD]


@pytest.mark.parametrize(("cycles", "code"), [(100_000, 0), (110_000, 1)])
def test_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cycles: int, code: int) -> None:
    write(Results(target="cortex-a72", device=(OLD,)), tmp_path / "performance.json")
    monkeypatch.setattr(measure, "measure_device", lambda *_, **__: replace(OLD, cycles=cycles))
    done = CliRunner().invoke(app, ["--check", "-o", str(tmp_path)])
    assert done.exit_code == code
    assert "1000.0 -> " in done.output


def test_nothing_to_compare_with_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--check", "-o", str(tmp_path)])
    assert done.exit_code == 2
