# SPDX-License-Identifier: Apache-2.0
"""A network whose lanes are channels, on several threads of the emulated board: the same bytes as on one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.emit.runner import STEPS, build_runner
from biisnet.compile.frontend import load_model
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.recognise import recognise
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.verification.scene import frame
from biisnet.runtime.probe import Probe
from biisnet.targets import emulator, resolve

pytest.importorskip("torch")

from examples.__main__ import export

SIDE, NARROW = 64, 2


@pytest.mark.emulator
@pytest.mark.filterwarnings("ignore")
def test_quicknet(emulated: None, tmp_path: Path) -> None:
    """Fails where threads of a QuickNet take rows, bands or weights from each other."""
    target, path = resolve("rpi4"), tmp_path / "quicknet.onnx"
    export("quicknet", (SIDE, SIDE), 10, path, dynamo=False, narrow=NARROW)
    progress = Progress((*PLAN_STEPS, *STEPS), lambda _: None)
    plan = make_plan(recognise(load_model(path), None).model, None, target, progress, DEFAULT)
    by_channels = [step for step in plan.kernels.steps if "channel_dot" in step.kernel]
    assert len(by_channels) >= 12  # of 16 layers, all but those of the first stage at least
    runner, *_ = build_runner(plan, target, tmp_path / "runner", progress)
    image = frame(3, SIDE, SIDE)[None].astype(np.float32)
    found = []
    for threads in range(1, 5):
        with Probe([*(emulator.command(target) or ()), runner], threads) as probe:
            (scores,), (again,) = probe.run(image), probe.run(image)
        assert scores.tobytes() == again.tobytes()
        found.append(scores.tobytes())
    assert len(set(found)) == 1
    assert np.ptp(scores) > 0.1  # scores that tell classes apart
