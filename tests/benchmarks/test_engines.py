# SPDX-License-Identifier: Apache-2.0
"""Engines in their processes: they answer, or their reason is reported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.agreement import reference_output
from benchmarks.arm64_root import Arm64Error, Arm64Root
from benchmarks.case import Case
from benchmarks.device import measure_device
from benchmarks.emulated import EmulatedCost, Emulation
from benchmarks.engines import ENGINES, Engine
from benchmarks.host import measure_host
from biisnet.targets import resolve
from biisnet.targets.device_cost import DeviceCost

ROOT = Path(__file__).parents[2]
CASE = Case("biisnet-lite", 32, 32)


def quiet(line: str) -> None:
    pass


def test_an_engine_that_fails_is_reported_and_the_others_run(tmp_path: Path) -> None:
    unknown = Engine("unknown", "Unknown", lambda case, folder: None, ENGINES["onnxruntime"].open)
    rows = measure_host(
        CASE,
        [unknown, ENGINES["onnxruntime"]],
        [1],
        rounds=2,
        seconds=1,
        reference=reference_output(CASE),
        folder=tmp_path,
        say=quiet,
    )
    assert [row.engine for row in rows] == ["unknown", "onnxruntime"]
    assert rows[0].median_ms is None
    assert "unknown" in str(rows[0].reason)
    assert rows[1].reason is None
    assert rows[1].rounds == 2
    assert rows[1].equal_pixels == 1.0


def test_ours_in_integers(tmp_path: Path) -> None:
    """Fails where the row of the integer network is of another network, or of no mask."""
    engines = [ENGINES["biisnet-int8"]]
    case = Case("biisnet-lite", 64, 64)
    reference = reference_output(case)
    (row,) = measure_host(case, engines, [1], rounds=1, seconds=1, reference=reference, folder=tmp_path, say=quiet)
    assert row.reason is None
    assert row.equal_pixels is not None
    assert row.equal_pixels > 0.99  # calibrated, it is not the float network to the pixel


@pytest.mark.parametrize("fails", [True, False])
def test_an_engine_on_the_board(fails: bool, tmp_path: Path) -> None:
    def price(job: Emulation) -> EmulatedCost:
        if fails:
            raise RuntimeError("does not\nfit")
        return EmulatedCost(DeviceCost.of(job.target, 2048.4, 10, 64), reference_output(job.case))

    engine = Engine("tvm", "TVM", lambda case, folder: None, ENGINES["tvm"].open, price)
    row, threads = measure_device(CASE, engine, resolve("rpi4"), Arm64Root(tmp_path), cache=True, say=quiet)
    assert threads == ()
    figures = (row.cycles, row.l1d_misses, row.dram_bytes, row.microseconds, row.equal_pixels, row.reason)
    if fails:
        assert figures == (None, None, None, None, None, "RuntimeError: does not fit")
    else:
        assert figures == (2048, 10, 64, 1.4, 1.0, None)  # 2147.4 cycles at 1.5 GHz, 64 bytes at 4 GB/s


def test_no_engine_shares_a_process_with_another() -> None:
    """Fails where a worker loads an engine that it was not asked for: their thread pools and LLVMs would meet."""
    code = (
        "import sys, benchmarks.worker; sys.exit(' '.join({'tvm', 'torch', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_a_userland_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    root = Arm64Root(tmp_path / "arm64")
    for _ in range(2):  # asked once, told each time
        with pytest.raises(Arm64Error, match="debootstrap"):
            root.prepare()
