# SPDX-License-Identifier: Apache-2.0
"""The yardstick: crops, branches, and shared expressions."""

from __future__ import annotations

import numpy as np

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Inputs
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, Load, Sigmoid, Upsample
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.storage import Planes


def test_cropped_window() -> None:
    """Fails where an expression that is larger than its stage is not cut to it (a crop after an interpolation)."""
    small, full = Buffer("small", "small", 1, 2, 2, layout=Planes("edge")), Buffer("full", "full", 1, 3, 3)
    e = Add(1, Upsample(1, small, "nearest"), Load(1, full))
    stage = Stage.of("case", (), (e,), [Buffer("out", "out", 1, 3, 3)])
    maps = {"small": np.array([[[1, 2], [3, 4]]], np.float32), "full": np.zeros((1, 3, 3), np.float32)}
    np.testing.assert_array_equal(evaluate(stage, maps)[0], [[[1, 1, 2], [1, 1, 2], [3, 3, 4]]])


def test_branches_side_by_side() -> None:
    """Fails where branches are not concatenated in their order."""
    buffer = Buffer("in", "in", 2, 1, 1)
    stage = Stage.of("case", (), (Load(1, buffer, 1), Sigmoid(1, Load(1, buffer))), [Buffer("out", "out", 2, 1, 1)])
    np.testing.assert_array_equal(evaluate(stage, {"in": np.array([[[0]], [[7]]], np.float32)})[0].ravel(), [7, 0.5])


def test_shared_nodes_are_computed_once() -> None:
    """Fails where what several results share is computed for each."""
    calls = []

    class Counted(Sigmoid):
        def reference(self, inputs: Inputs) -> np.ndarray:
            calls.append(self)
            return super().reference(inputs)

    x = Counted(1, Load(1, Buffer("in", "in", 1, 1, 1)))
    stage = Stage("case", (), [Buffer(n, n, 1, 1, 1) for n in "ab"], [(x,), (Add(1, x, x),)])
    first, second = evaluate(stage, {"in": np.zeros((1, 1, 1), np.float32)})
    assert (first.item(), second.item(), len(calls)) == (0.5, 1.0, 1)
