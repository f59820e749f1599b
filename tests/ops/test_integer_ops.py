# SPDX-License-Identifier: Apache-2.0
"""The operators of version 2: numpy and ONNX Runtime are equal, with and without its rewrites; values by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from biisnet.ops import REGISTRY
from biisnet.ops.requantize import INT16

Run = Callable[..., np.ndarray]
Integers = np.ndarray
FEW = settings(max_examples=15, deadline=None)


def equal(run_op: Run, name: str, inputs: list[Integers], out: int = TensorProto.INT32, **attributes: Any) -> Integers:
    """The operator's result, after it was seen to be the same by numpy and by ONNX Runtime in all three ways."""
    expected = REGISTRY[name].reference(*inputs, **attributes)
    for optimise, constant in ((False, False), (True, False), (True, True)):
        found = run_op(name, inputs, out=out, optimise=optimise, constant=constant, **attributes)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    return expected


def bytes_of(rng: np.random.Generator, shape: tuple[int, ...], extremes: bool) -> Integers:
    """Random int8; with `extremes` only the least, the largest, and what is beside 0."""
    if extremes:
        return rng.choice([-128, -127, -1, 0, 1, 127], shape).astype(np.int8)
    return rng.integers(-128, 128, shape).astype(np.int8)


@given(st.data())
@FEW
def test_binary_convolution(run_op: Run, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    group, pairs, outputs = (data.draw(st.integers(1, n)) for n in (3, 12, 4))
    kernel, pad, stride, dilation = (data.draw(st.integers(low, 3)) for low in (1, 0, 1, 1))
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    assume(min(height, width) + 2 * pad >= (kernel - 1) * dilation + 1)
    channels = 2 * pairs
    x = bytes_of(rng, (1, group * channels, height, width), data.draw(st.booleans()))
    w = rng.choice([-1, 1], (group * outputs, channels, kernel, kernel)).astype(np.int8)
    t = rng.choice([-32768, -128, -3, 0, 1, 127, 128, 32767], group * channels).astype(np.int16)
    attributes = {"strides": [stride] * 2, "pads": [pad] * 4, "dilations": [dilation] * 2, "group": group}
    equal(run_op, "IntegerBinaryConv2d", [x, w, t], TensorProto.INT8, **attributes)


def test_a_count_saturates(run_op: Run) -> None:
    """64 channels of 3x3: half of 576 is more than a byte holds, on both sides; at a corner 4 taps of 64 are not."""
    x = np.zeros((1, 64, 3, 3), np.int8)
    w = np.concatenate([np.ones((1, 64, 3, 3)), -np.ones((1, 64, 3, 3))]).astype(np.int8)
    y = equal(run_op, "IntegerBinaryConv2d", [x, w, np.zeros(64, np.int16)], TensorProto.INT8, pads=[1] * 4)
    assert y[0, :, 1, 1].tolist() == [-128, 127]
    assert y[0, :, 0, 0].tolist() == [-128, 127]
    y = equal(
        run_op, "IntegerBinaryConv2d", [x[:, :2], w[:, :2], np.zeros(2, np.int16)], TensorProto.INT8, pads=[1] * 4
    )
    assert y[0, :, 1, 1].tolist() == [-9, 9]
    assert y[0, :, 0, 0].tolist() == [-4, 4]


def test_thresholds_of_always_and_never(run_op: Run) -> None:
    x = np.array([-128, 127], np.int8).reshape(1, 2, 1, 1)
    w = np.ones((1, 2, 1, 1), np.int8)
    for t, expected in (([-128, 128], 0), ([-128, 127], -1), ([-127, 128], 1)):
        y = equal(run_op, "IntegerBinaryConv2d", [x, w, np.array(t, np.int16)], TensorProto.INT8)
        assert y.ravel().tolist() == [expected]


@pytest.mark.parametrize(("name", "constants"), [("IntegerTwoSlope", 2), ("IntegerHinge", 3)])
@given(st.integers(1, 17), st.integers(1, 5), st.booleans(), st.integers(0, 2**32 - 1))
@FEW
def test_per_channel(
    run_op: Run, name: str, constants: int, channels: int, side: int, extremes: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = bytes_of(rng, (1, channels, side, 3), extremes)
    equal(run_op, name, [x, *(bytes_of(rng, (channels,), extremes) for _ in range(constants))])


def test_per_channel_by_hand(run_op: Run) -> None:
    x = np.array([-128, -1, 0, 127], np.int8).reshape(1, 1, 2, 2)
    constants = [np.array([v], np.int8) for v in (-128, 2, 3)]
    assert equal(run_op, "IntegerTwoSlope", [x, *constants[:2]]).ravel().tolist() == [16384, 128, 0, 254]
    assert equal(run_op, "IntegerHinge", [x, *constants]).ravel().tolist() == [16390, 134, 6, -16002]


@given(st.integers(1, 9), st.integers(2, 9), st.integers(2, 40), st.integers(0, 2**32 - 1))
@FEW
def test_sum_pool(run_op: Run, channels: int, height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    v = rng.choice([-(2**22) + 1, -16384, -3, 0, 1, 2, 16129, 2**22 - 1], (1, channels, height, width))
    y = equal(run_op, "IntegerSumPool", [v.astype(np.int32)])
    assert y.shape == (1, channels, height // 2, width // 2)
    assert y[0, 0, 0, 0] == v[0, 0, :2, :2].sum()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 40), st.booleans(), st.integers(0, 2**32 - 1))
@FEW
def test_upsample(run_op: Run, channels: int, height: int, width: int, extremes: bool, seed: int) -> None:
    z = bytes_of(np.random.default_rng(seed), (1, channels, height, width), extremes)
    y = equal(run_op, "IntegerUpsample", [z], TensorProto.INT8)
    assert y.shape == (1, channels, 2 * height, 2 * width)
    assert z.min() <= y.min() <= y.max() <= z.max()


def test_upsample_by_hand(run_op: Run) -> None:
    one = np.full((1, 1, 1, 1), -128, np.int8)
    assert equal(run_op, "IntegerUpsample", [one], TensorProto.INT8).ravel().tolist() == [-128] * 4
    row = np.array([-128, 0, 127], np.int8).reshape(1, 1, 1, 3)
    expected = [-128, -96, -32, 32, 95, 127]  # three quarters and one, halves rounded down, then up
    assert equal(run_op, "IntegerUpsample", [row], TensorProto.INT8)[0, 0].tolist() == [expected] * 2


@given(st.integers(1, 9), st.integers(0, 16), st.booleans(), st.integers(0, 2**32 - 1))
@FEW
def test_requantize(run_op: Run, channels: int, shift: int, wide: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    edge = np.concatenate([k * 2**shift + np.arange(-1, 2) for k in (-129, -128, -1, 0, 1, 127, 128)])
    extremes = [-(2**23) + 1, -32769, -32768, 32767, 32768, 2**23 - 1]
    v = rng.choice(np.clip(np.concatenate([edge, extremes]), -(2**23) + 1, 2**23 - 1), (1, channels, 5, 7))
    b = rng.choice([-(2**23) + 1, -32768, -1, 0, 1, 32767, 2**23 - 1], channels).astype(np.int32)
    kind = {"to": INT16} if wide else {}
    out = TensorProto.INT16 if wide else TensorProto.INT8
    equal(run_op, "Requantize", [v.astype(np.int32), b], out, shift=shift, **kind)


def test_requantize_by_hand(run_op: Run) -> None:
    v = np.array([-32768, -65, -64, -1, 0, 63, 64, 8191, 8192], np.int32).reshape(1, 1, 3, 3)
    zero, one = np.zeros(1, np.int32), np.ones(1, np.int32)
    y = equal(run_op, "Requantize", [v, zero], TensorProto.INT8, shift=6)
    assert y.ravel().tolist() == [-128, -2, -1, -1, 0, 0, 1, 127, 127]
    y = equal(run_op, "Requantize", [v, one], TensorProto.INT16, to=INT16)
    assert y.ravel().tolist() == [-32767, -64, -63, 0, 1, 64, 65, 8192, 8193]


def test_what_has_no_meaning() -> None:
    x = np.zeros((1, 3, 2, 2), np.int8)
    conv = REGISTRY["IntegerBinaryConv2d"].reference
    with pytest.raises(ValueError, match="C / group is even"):
        conv(x, np.ones((1, 3, 1, 1), np.int8), np.zeros(3, np.int16))
    with pytest.raises(ValueError, match="neither -1 nor"):
        conv(x[:, :2], np.zeros((1, 2, 1, 1), np.int8), np.zeros(2, np.int16))
    with pytest.raises(ValueError, match="at least 2"):
        REGISTRY["IntegerSumPool"].reference(np.zeros((1, 1, 1, 4), np.int32))
    with pytest.raises(ValueError, match=r"3 \(int8\)"):
        REGISTRY["Requantize"].reference(np.zeros((1, 1, 1, 1), np.int32), np.zeros(1, np.int32), to=16)
