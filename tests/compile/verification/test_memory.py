# SPDX-License-Identifier: Apache-2.0
"""The verification's memory, estimated."""

from __future__ import annotations

from pathlib import Path

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.pipeline import PLAN_STEPS, compile_model, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import schedules_for
from biisnet.compile.verification import memory
from biisnet.targets import resolve


def meminfo(path: Path, kilobytes: int) -> Path:
    path.write_text(f"MemTotal:       99999999 kB\nMemAvailable:   {kilobytes} kB\n")
    return path


def test_it_grows_with_the_frame(tiny: OnnxModel) -> None:
    target = resolve("rpi4")

    def needed(height: int, width: int) -> int:
        steps = Progress(PLAN_STEPS, lambda _: None, None)
        return memory.needed_bytes(make_plan(tiny, (height, width), target, steps, schedules_for(target.core)))

    small, large = needed(64, 64), needed(128, 128)
    assert 3.5 < large / small < 4.5
    # normalised, 8 channels twice, and the output: their float32 values at least
    assert small > 4 * 64 * 64 * 18


def test_too_little_of_it(tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where the system ends the process, after minutes."""
    monkeypatch.setattr(memory, "MEMINFO", meminfo(tmp_path / "meminfo", 50))
    said: list[str] = []
    with pytest.raises(CompileError, match=r"verifying 24x20 takes about 0\.0 GB of memory.*give --no-verify"):
        compile_model(tiny, (24, 20), resolve("host"), tmp_path / "b", say=said.append)
    assert not any("generate_code" in line for line in said)
    assert not (tmp_path / "b").exists()


def test_a_system_that_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "missing")
    assert memory.available_bytes() is None
    monkeypatch.setattr(memory, "MEMINFO", meminfo(tmp_path / "meminfo", 2048))
    assert memory.available_bytes() == 2 << 20
