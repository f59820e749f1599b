# SPDX-License-Identifier: Apache-2.0
"""The element-wise operators: numpy against ONNX Runtime and hand-computed values."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.ops import DOMAIN, INTEGER_VERSION, OPSET, REGISTRY, functions, pack_bits

Run = Callable[..., np.ndarray]
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 2.5, -2.5], dtype=np.float32)
PER_CHANNEL_INPUTS = {"RPReLU": 3, "MaxOut": 2, "ReDistribution": 2}


@pytest.mark.parametrize("name", PER_CHANNEL_INPUTS)
@given(st.integers(1, 17), st.integers(1, 5), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_numpy_is_onnx_runtime(run_op: Run, name: str, channels: int, side: int, shared: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, channels, side, 3)).astype(np.float32)
    odd = rng.random(x.shape) < 0.3
    x[odd] = rng.choice(SPECIAL, odd.sum())
    parameters = [
        rng.normal(size=1 if shared else channels).astype(np.float32) for _ in range(PER_CHANNEL_INPUTS[name])
    ]
    expected = REGISTRY[name].reference(x, *parameters)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(run_op(name, [x, *parameters]), expected, rtol=1e-6, atol=1e-6)


@given(st.integers(1, 33), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_dot_binary_conv_is_a_scaling(run_op: Run, channels: int, shared: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, channels, 2, 3)).astype(np.float32)
    bits = rng.random(channels) < 0.5
    scale, offset = (rng.normal(size=1 if shared else channels).astype(np.float32) for _ in range(2))
    inputs = [x, pack_bits(bits), scale, offset]
    expected = x * (scale * np.where(bits, 1, -1) + offset).astype(np.float32).reshape(-1, 1, 1)
    np.testing.assert_allclose(REGISTRY["DotBinaryConv2d"].reference(*inputs, channels=channels), expected, rtol=1e-6)
    np.testing.assert_allclose(run_op("DotBinaryConv2d", inputs, channels=channels), expected, rtol=1e-6)


def test_dot_binary_conv_is_equation_17() -> None:
    """`alpha |a| (Sign(a) XNOR w) + beta a`, sign by sign."""
    a = np.array([2.0, -3.0, 2.0, -3.0], np.float32).reshape(1, 4, 1, 1)
    w = np.array([1, 1, -1, -1])
    alpha, beta = np.float32(0.5), np.float32(0.25)
    xnor = np.where(np.where(a.ravel() < 0, -1, 1) == w, 1, -1)
    expected = alpha * np.abs(a.ravel()) * xnor + beta * a.ravel()
    packed = pack_bits(w > 0)
    actual = REGISTRY["DotBinaryConv2d"].reference(a, packed, alpha[None], beta[None], channels=4)
    np.testing.assert_array_equal(actual.ravel(), expected)


@pytest.mark.parametrize(
    ("name", "parameters", "x", "y"),
    [
        ("RPReLU", [1, 10, 0.5], [0, 1, 3, -1], [9.5, 10, 12, 9]),
        ("RPReLU", [0, 0, -2], [-1, 0, 1, -0.0], [2, 0, 1, 0]),
        ("MaxOut", [2, 0.5], [3, -4, 0, -0.0], [6, -2, 0, 0]),
        ("MaxOut", [-1, -1], [3, -4, 0, 5], [-3, 4, 0, -5]),
        ("ReDistribution", [-2, 1], [0, 1, -1, 2], [1, -1, 3, -3]),
    ],
)
def test_by_hand(run_op: Run, name: str, parameters: list[float], x: list[float], y: list[float]) -> None:
    inputs: list[np.ndarray] = [np.array(x, np.float32).reshape(1, 1, 2, 2)]
    inputs += [np.array([value], np.float32) for value in parameters]
    np.testing.assert_array_equal(REGISTRY[name].reference(*inputs).ravel(), np.array(y, np.float32))
    np.testing.assert_array_equal(run_op(name, inputs).ravel(), np.array(y, np.float32))


@pytest.mark.parametrize("name", PER_CHANNEL_INPUTS)
def test_nan_stays_nan(run_op: Run, name: str) -> None:
    inputs: list[np.ndarray] = [np.full((1, 1, 1, 1), np.nan, np.float32)]
    inputs += [np.ones(1, np.float32)] * PER_CHANNEL_INPUTS[name]
    assert np.isnan(REGISTRY[name].reference(*inputs)).all()
    assert np.isnan(run_op(name, inputs)).all()


def test_bodies_are_standard_operators() -> None:
    bodies = functions(INTEGER_VERSION)
    assert [body.name for body in bodies] == list(REGISTRY)
    assert [body.name for body in functions()] == [name for name, op in REGISTRY.items() if op.since == 1]
    for body in bodies:
        assert body.domain == DOMAIN
        assert [(opset.domain, opset.version) for opset in body.opset_import] == [("", OPSET)]
        assert {node.domain for node in body.node} == {""}
