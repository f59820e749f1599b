# SPDX-License-Identifier: Apache-2.0
"""Engines on a colour network that is not shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.agreement import reference_output
from benchmarks.arm64_root import Arm64Root
from benchmarks.case import Case
from benchmarks.device import measure_device
from benchmarks.engines import ENGINES
from benchmarks.engines.bundle import ThreadsError, output_of
from benchmarks.host import measure_host
from benchmarks.networks import SAID, case_of_file
from biisnet.runtime import probe
from biisnet.targets import resolve

pytest.importorskip("torch")

from examples.__main__ import export


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """CNV, an eighth as wide."""
    folder = tmp_path_factory.mktemp("cnv")
    export("cnv", (32, 32), 10, folder / "cnv.onnx", dynamo=False, narrow=8)
    return case_of_file(folder / "cnv.onnx", None, SAID["cnv"], folder / "made.onnx")


@pytest.mark.filterwarnings("ignore")
def test_on_the_host(case: Case, tmp_path: Path) -> None:
    """Fails where an engine gets another picture, or its scores are not compared."""
    engines = [ENGINES[name] for name in ("biisnet", "onnxruntime", "tvm")]
    reference = reference_output(case)
    rows = measure_host(case, engines, [1], rounds=1, seconds=1, reference=reference, folder=tmp_path, say=quiet)
    assert [row.reason for row in rows] == [None] * 3
    for row in rows:
        assert row.equal_pixels is None
        assert row.difference is not None
        assert row.difference < 1e-5


@pytest.mark.emulator
@pytest.mark.filterwarnings("ignore")
def test_on_the_board(emulated: None, llvm: None, case: Case, tmp_path: Path) -> None:
    """Fails where ours has no cost, no result or no threads."""
    row, threads = measure_device(case, ENGINES["biisnet"], resolve("rpi4"), Arm64Root(tmp_path), cache=True, say=quiet)
    assert row.reason is None
    assert row.difference is not None
    assert row.difference < 1e-5
    assert row.cycles
    assert row.arena_bytes
    assert [t.threads for t in threads] == [1, 2, 3, 4]
    assert threads[0].microseconds == row.microseconds
    assert threads[0].arena_bytes == row.arena_bytes


def test_threads_that_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where figures of a runner are published whose threads disagree."""

    class Wrong:
        def __init__(self, command: list[str], threads: int) -> None:
            self.threads = threads

        def __enter__(self) -> Wrong:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def run(self, image: np.ndarray) -> list[np.ndarray]:
            return [np.float32([1.0, 2.0 if self.threads < 3 else np.nextafter(np.float32(2), np.float32(3))])]

    monkeypatch.setattr(probe, "Probe", Wrong)
    with pytest.raises(ThreadsError, match="3 threads give another result than one"):
        output_of(["runner"], Case("net", 4, 4, file="net.onnx"))
