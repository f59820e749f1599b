# SPDX-License-Identifier: Apache-2.0
"""Residual blocks of many channels through the whole compiler: accumulators equal to ONNX Runtime's, in one run and on
several threads, with maps that take each other's place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.pipeline import PLAN_STEPS, compile_model, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.ops import DOMAIN, pack_weights
from biisnet.targets import resolve

from .frontend.models import model_of, node

CHANNELS, SIZE, BLOCKS = 80, (23, 14), 3


@pytest.mark.emulator
def test_blocks(emulated: None, tmp_path: Path) -> None:
    """Fails where a stage, an accumulator or the whole network differs, or lanes are pixels after all."""
    rng = np.random.default_rng(0)
    constants = {
        "stem": rng.normal(0, 0.1, (CHANNELS, 3, 3, 3)).astype(np.float32),
        "a": np.array([-1, 1], np.float32),
        "l": np.array([[-1, 1]], np.float32),
        "t": np.zeros(1, np.float32),
    }
    nodes = [node("Conv", "x", "stem", output="x0", pads=[1, 1, 1, 1])]
    for n in range(BLOCKS):
        own = {
            f"w{n}": pack_weights(rng.random((CHANNELS, CHANNELS, 3, 3)) < 0.5),
            f"scale{n}": rng.uniform(0.01, 0.1, CHANNELS).astype(np.float32),
            f"offset{n}": rng.normal(0, 1, CHANNELS).astype(np.float32),
        }
        constants |= own
        inputs = (f"x{n}", *own, "a", "l", "t")
        same = {"channels": CHANNELS, "pads": [1, 1, 1, 1]}
        nodes.append(node("BinaryConv2d", *inputs, output=f"dot{n}", domain=DOMAIN, **same))
        nodes.append(node("Add", f"x{n}", f"dot{n}", output=f"x{n + 1}"))
    nodes.append(node("MaxPool", f"x{BLOCKS}", kernel_shape=[2, 2], strides=[2, 2]))
    proto = model_of(nodes, constants, (1, 3, "h", "w"))
    del proto.functions[1:]  # a node's each
    model = from_proto(proto, "net.onnx")
    target = resolve("rpi4")
    plan = make_plan(model, SIZE, target, Progress(PLAN_STEPS, lambda _: None), DEFAULT)
    assert sum(step.kernel.startswith("bn_channel_dot_c80_w14") for step in plan.kernels.steps) == BLOCKS
    taken = [p for layout in (plan.streaming, plan.sharing) for p in layout.arena.placements.values() if p.successor]
    assert len(taken) == 2 * (BLOCKS - 1)  # the last map is read by a pooling window, and keeps its planes
    verified = compile_model(model, SIZE, target, tmp_path / "net", say=print).verified
    assert verified.binary_stages == verified.binary_stages_read == BLOCKS
    assert verified.accumulators == BLOCKS * CHANNELS * SIZE[0] * SIZE[1]
    assert verified.stage_error < 1e-5
