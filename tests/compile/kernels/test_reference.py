# SPDX-License-Identifier: Apache-2.0
"""The yardstick: memory to maps and back, signs, and shared expressions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, Load, Sigmoid, Upsample
from biisnet.compile.kernels.reference import evaluate, from_bytes, sign_bits, to_bytes

from . import draw as d


@given(size=d.sizes(), data=st.data(), rng=d.generators())
def test_bytes_round_trip(size: tuple[int, int], data: st.DataObject, rng: np.random.Generator) -> None:
    """Fails where a stored map is not found again, for any form, group and margin."""
    channels = data.draw(st.sampled_from(d.CHANNELS))
    shape = (channels, *size)
    bits = data.draw(st.booleans())
    buffer = Buffer(
        "b",
        "b",
        *shape,
        "bits" if bits else "float32",
        data.draw(st.sampled_from(("none", "zero", "edge"))),
        data.draw(st.sampled_from(d.groups_of(channels))) if bits else 1,
    )
    value = rng.random(shape) < 0.5 if bits else d.special_map(rng, shape)
    memory = to_bytes(buffer, value)
    assert len(memory) == buffer.bytes
    np.testing.assert_array_equal(from_bytes(buffer, memory), value)


def test_layout_of_bits() -> None:
    """Fails where bit i of plane j of a group is not channel 8j+i of the group."""
    value = np.zeros((18, 1, 2), bool)
    value[8, 0, 1] = value[9, 0, 0] = value[17, 0, 0] = True  # with 2 groups: channel 8 of 0, channels 0 and 8 of 1
    buffer = Buffer("b", "b", 18, 1, 2, "bits", "zero", groups=2)
    rows = np.frombuffer(to_bytes(buffer, value), np.uint8).reshape(1, 4, 48)
    np.testing.assert_array_equal(rows[0, :, 16:18], [[0, 0], [0, 1], [1, 0], [1, 0]])
    assert not rows[0, :, :16].any()
    assert not rows[0, :, 18:].any()


def test_edge_margin() -> None:
    """Fails where what interpolation reads past the border is not the border."""
    buffer = Buffer("b", "b", 1, 2, 3, margin="edge")
    rows = np.frombuffer(to_bytes(buffer, np.array([[[1, 2, 3], [4, 5, 6]]], np.float32)), np.float32).reshape(2, 48)
    np.testing.assert_array_equal(rows[:, [0, 15, 16, 18, 19, 34]], [[1, 1, 1, 3, 3, 3], [4, 4, 4, 6, 6, 6]])


def test_sign_bits() -> None:
    """Fails where -0.0 is below zero, or NaN is not below everything (equation 2)."""
    x = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45], np.float32).reshape(1, 1, -1)
    assert sign_bits(x, np.zeros(1, np.float32)).ravel().tolist() == [True, True, False, True, False, True, False]
    np.testing.assert_array_equal(
        sign_bits(np.zeros((2, 1, 1), np.float32), np.array([1, -1], np.float32)).ravel(), [False, True]
    )


def test_cropped_window() -> None:
    """Fails where an expression that is larger than its stage is not cut to it (a crop after an interpolation)."""
    small, full = Buffer("small", "small", 1, 2, 2, margin="edge"), Buffer("full", "full", 1, 3, 3)
    e = Add(1, Upsample(1, small, "nearest"), Load(1, full))
    stage = Stage.of("case", (), (e,), [Buffer("out", "out", 1, 3, 3)])
    maps = {"small": np.array([[[1, 2], [3, 4]]], np.float32), "full": np.zeros((1, 3, 3), np.float32)}
    np.testing.assert_array_equal(evaluate(stage, maps)[0], [[[1, 1, 2], [1, 1, 2], [3, 3, 4]]])


def test_unknown_expression() -> None:
    """Fails where an expression without a meaning gets one."""
    stage = Stage.of("case", (), (Expr(1),), [Buffer("out", "out", 1, 1, 1)])
    with pytest.raises(TypeError, match="no meaning for Expr"):
        evaluate(stage, {})


def test_branches_side_by_side() -> None:
    """Fails where branches are not concatenated in their order."""
    buffer = Buffer("in", "in", 2, 1, 1)
    stage = Stage.of("case", (), (Load(1, buffer, 1), Sigmoid(1, Load(1, buffer))), [Buffer("out", "out", 2, 1, 1)])
    np.testing.assert_array_equal(evaluate(stage, {"in": np.array([[[0]], [[7]]], np.float32)})[0].ravel(), [7, 0.5])
