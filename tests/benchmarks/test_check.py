# SPDX-License-Identifier: Apache-2.0
"""`--check`: what counts as slower."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import measure
from benchmarks.case import Case
from benchmarks.cli import app
from benchmarks.engines import Engine
from benchmarks.regression import compare, recorded
from benchmarks.results import DeviceRow, Results, write

OLD = DeviceRow("biisnet", "10x10", "biisnet", 100_000, 100_000, 100_000, 5000.0)
FIGURES = ("cycles", "l1d_misses", "dram_bytes")


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(("now", "well"), [(90_000, True), (102_000, True), (102_100, False)])
def test_two_per_cent(figure: str, now: int, well: bool) -> None:
    """Fails where one of the three may grow."""
    lines, found = compare([OLD], [replace(OLD, **{figure: now})])
    assert found is well
    assert len(lines) == 3
    assert [line.endswith(", more") for line in lines] == [name == figure and not well for name in FIGURES]


def test_what_cannot_be_measured_is_not_well() -> None:
    assert compare([OLD], [DeviceRow("biisnet", "10x10", "biisnet", reason="no emulator")]) == (
        ["biisnet 10x10 biisnet: not measured: no emulator"],
        False,
    )
    lines, well = compare([OLD], [replace(OLD, l1d_misses=None)])
    assert not well
    assert lines[1] == "biisnet 10x10 biisnet: 1000.0 -> not measured, L1 misses a pixel, more"


def test_what_was_not_recorded_is_not_compared() -> None:
    lines, well = compare([replace(OLD, l1d_misses=None, dram_bytes=None)], [OLD])
    assert well
    assert lines == ["biisnet 10x10 biisnet: 1000.0 -> 1000.0 (+0.00%) cycles a pixel"]


def test_only_our_figures_are_compared() -> None:
    rows = (OLD, replace(OLD, engine="onnxruntime"), replace(OLD, cycles=None, reason="no emulator"))
    assert recorded(Results(device=rows)) == [OLD]


@pytest.mark.parametrize(("cycles", "code"), [(100_000, 0), (110_000, 1)])
def test_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cycles: int, code: int) -> None:
    write(Results(target="cortex-a72", device=(OLD,)), tmp_path / "performance.json")
    monkeypatch.setattr(measure, "measure_device", lambda *_, **__: (replace(OLD, cycles=cycles), ()))
    done = CliRunner().invoke(app, ["--check", "-o", str(tmp_path)])
    assert done.exit_code == code
    assert "1000.0 -> " in done.output


@pytest.mark.filterwarnings("ignore")
def test_networks_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where networks of examples/ are not guarded, or others than those that were named are measured."""
    pytest.importorskip("torch")
    asked = []

    def again(case: Case, engine: Engine, *_: object, **__: object) -> tuple[DeviceRow, tuple[()]]:
        asked.append((case.network, case.size, case.is_shipped))
        return replace(OLD, network=case.network, size=case.size), ()

    write(Results(device=(OLD,)), tmp_path / "performance.json")
    rows = (replace(OLD, network="tfc", size="8x8"), replace(OLD, network="quicknet"))
    write(Results(device=rows), tmp_path / "performance-zoo.json")
    monkeypatch.setattr(measure, "measure_device", again)
    done = CliRunner().invoke(app, ["--check", "--network", "tfc", "-o", str(tmp_path)])
    assert done.exit_code == 0
    assert asked == [("tfc", "8x8", False)]
    assert done.output.count("tfc 8x8 biisnet: ") == 3


def test_nothing_to_compare_with_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--check", "-o", str(tmp_path)])
    assert done.exit_code == 2
