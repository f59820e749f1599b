# SPDX-License-Identifier: Apache-2.0
"""`BinaryConv2d`: packed popcount, numpy, PyTorch and ONNX Runtime give the same integers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from biisnet.ops import REGISTRY, accumulators, pack_weights

Run = Callable[..., np.ndarray]
reference = REGISTRY["BinaryConv2d"].reference
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3.0, -3.0], dtype=np.float32)
PLUS_MINUS = np.array([-1, 1], dtype=np.float32)


@dataclass(frozen=True)
class Case:
    """One convolution: input, weight bits, per-channel thresholds and the operator's attributes."""

    x: np.ndarray
    bits: np.ndarray
    threshold: np.ndarray
    attributes: dict[str, Any]

    def inputs(self, activation: np.ndarray, weight: np.ndarray, scale: np.ndarray, offset: np.ndarray) -> list:
        return [self.x, pack_weights(self.bits), scale, offset, activation, weight, self.threshold]

    def unit(self) -> list:
        out = self.bits.shape[0]
        return self.inputs(PLUS_MINUS, PLUS_MINUS[None], np.ones(out, np.float32), np.zeros(out, np.float32))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    group, channels, out = draw(st.integers(1, 3)), draw(st.integers(1, 19)), draw(st.integers(1, 4))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    strides, dilations = ([draw(st.integers(1, 3)) for _ in range(2)] for _ in range(2))
    pads = [draw(st.integers(0, 3)) for _ in range(4)]
    shape = (draw(st.integers(1, 2)), group * channels, draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    for size, k, d, before, after in zip(shape[2:], kernel, dilations, pads[:2], pads[2:], strict=True):
        assume(size + before + after >= d * (k - 1) + 1)
    x = rng.normal(size=shape).astype(np.float32)
    odd = rng.random(shape) < 0.3
    x[odd] = rng.choice(SPECIAL, odd.sum())
    threshold = rng.normal(size=shape[1] if draw(st.booleans()) else 1).astype(np.float32)
    if draw(st.booleans()):
        threshold[:] = 0
    attributes = {
        "channels": channels,
        "strides": strides,
        "pads": pads,
        "dilations": dilations,
        "group": group,
        "pad_value": draw(st.sampled_from([-1.0, 0.0, 1.0])),
    }
    return Case(x, rng.random((group * out, channels, *kernel)) < 0.5, threshold, attributes)


def torch_accumulators(case: Case) -> np.ndarray:
    torch = pytest.importorskip("torch")
    top, left, bottom, right = case.attributes["pads"]
    signs = np.where(case.x >= case.threshold.reshape(-1, 1, 1), 1, -1).astype(np.float32)
    padded = torch.nn.functional.pad(
        torch.from_numpy(signs), (left, right, top, bottom), value=case.attributes["pad_value"]
    )
    result: np.ndarray = torch.nn.functional.conv2d(
        padded,
        torch.from_numpy(np.where(case.bits, 1, -1).astype(np.float32)),
        stride=case.attributes["strides"],
        dilation=case.attributes["dilations"],
        groups=case.attributes["group"],
    ).numpy()
    return result


@given(cases())
@settings(max_examples=60, deadline=None)
def test_integer_accumulators_are_equal_everywhere(run_op: Run, case: Case) -> None:
    packed = accumulators(case.x, pack_weights(case.bits), case.threshold, **case.attributes)
    assert packed.dtype == np.int32
    np.testing.assert_array_equal(reference(*case.unit(), **case.attributes), packed)
    np.testing.assert_array_equal(torch_accumulators(case), packed)
    np.testing.assert_array_equal(run_op("BinaryConv2d", case.unit(), **case.attributes), packed)


@given(cases(), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_any_levels_scale_and_offset(run_op: Run, case: Case, shared: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    out = case.bits.shape[0]
    activation, scale, offset = (rng.normal(size=n).astype(np.float32) for n in (2, out, out))
    weight = rng.normal(size=(1 if shared else out, 2)).astype(np.float32)
    inputs = case.inputs(activation, weight, scale, offset)
    expected = reference(*inputs, **case.attributes)
    actual = run_op("BinaryConv2d", inputs, **case.attributes)
    # what is summed cancels: a float32 sum's rounding is relative to its terms, one of which each tap and channel gives
    terms = np.abs(scale) * case.bits[0].size * np.abs(activation).max() * np.abs(weight).max()
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6 * terms.max())


def test_nothing_is_padded_by_itself() -> None:
    """ONNX Runtime up to 1.23 refuses a Pad in a function's body whose pads come from an attribute."""
    assert "Pad" not in {n.op_type for n in REGISTRY["BinaryConv2d"].function().node}


@pytest.mark.parametrize("levels", [(-1, 1, -1, 1), (0, 1, -1, 1), (-1, 1, 0, 1)])
def test_schemes_of_table_1_are_integers(run_op: Run, levels: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x, bits = rng.normal(size=(1, 17, 5, 6)).astype(np.float32), rng.random((3, 17, 3, 3)) < 0.5
    activation, weight = np.array(levels[:2], np.float32), np.array([levels[2:]], np.float32)
    case = Case(x, bits, np.zeros(1, np.float32), {"channels": 17, "pads": [1, 1, 1, 1]})
    inputs = case.inputs(activation, weight, np.ones(3, np.float32), np.zeros(3, np.float32))
    expected = reference(*inputs, **case.attributes)
    np.testing.assert_array_equal(expected, np.rint(expected))
    np.testing.assert_array_equal(run_op("BinaryConv2d", inputs, **case.attributes), expected)


@pytest.mark.parametrize(
    ("value", "bit"), [(0.0, 1), (-0.0, 1), (np.nan, -1), (np.inf, 1), (-np.inf, -1), (-1e-45, -1)]
)
def test_the_bit_of_special_values(run_op: Run, value: float, bit: int) -> None:
    x = np.full((1, 1, 1, 1), value, np.float32)
    case = Case(x, np.ones((1, 1, 1, 1), bool), np.zeros(1, np.float32), {"channels": 1})
    assert accumulators(x, pack_weights(case.bits), channels=1).item() == bit
    assert reference(*case.unit(), channels=1).item() == bit
    assert run_op("BinaryConv2d", case.unit(), channels=1).item() == bit


@pytest.mark.parametrize(("pad_value", "corner", "edge"), [(0.0, 4 * 8, 6 * 8), (1.0, 72, 72), (-1.0, -8, 3 * 8)])
def test_border_taps(run_op: Run, pad_value: float, corner: int, edge: int) -> None:
    """Eight channels of +1 under weights of +1: at a corner 5 of the 9 taps are padded, at an edge 3."""
    x = np.ones((1, 8, 3, 3), np.float32)
    attributes = {"channels": 8, "pads": [1, 1, 1, 1], "pad_value": pad_value}
    case = Case(x, np.ones((1, 8, 3, 3), bool), np.zeros(1, np.float32), attributes)
    expected = [[corner, edge, corner], [edge, 72, edge], [corner, edge, corner]]
    assert accumulators(x, pack_weights(case.bits), **attributes)[0, 0].tolist() == expected
    assert run_op("BinaryConv2d", case.unit(), **attributes)[0, 0].tolist() == expected


def test_only_channel_nine_agrees(run_op: Run) -> None:
    """Ten channels of -1; the weight is -1 but for channel 9, whose bit is the second one's second."""
    x = np.full((1, 10, 1, 1), -1, np.float32)
    packed = np.array([0, 0b10], np.uint8).reshape(1, 2, 1, 1)
    inputs = [x, packed, *Case(x, np.zeros((1, 10, 1, 1), bool), np.zeros(1, np.float32), {}).unit()[2:]]
    assert accumulators(x, packed, channels=10).item() == 9 - 1
    assert run_op("BinaryConv2d", inputs, channels=10).item() == 9 - 1


def test_unused_high_bits_do_not_count(run_op: Run) -> None:
    x = np.ones((1, 3, 2, 2), np.float32)
    case = Case(x, np.ones((1, 3, 1, 1), bool), np.zeros(1, np.float32), {})
    inputs = case.unit()
    inputs[1] = inputs[1] | np.uint8(0b11111000)
    for result in (
        accumulators(x, inputs[1], channels=3),
        reference(*inputs, channels=3),
        run_op("BinaryConv2d", inputs, channels=3),
    ):
        np.testing.assert_array_equal(result, np.full((1, 1, 2, 2), 3))


def test_what_does_not_fit_is_refused() -> None:
    case = Case(np.ones((1, 9, 2, 2), np.float32), np.ones((2, 9, 3, 3), bool), np.zeros(1, np.float32), {})
    with pytest.raises(ValueError, match=r"expected \[N, 8, H, W\]"):
        reference(*case.unit(), channels=8)
    with pytest.raises(ValueError, match="does not fit"):
        reference(*case.unit(), channels=9)
    with pytest.raises(ValueError, match="pad_value must be"):
        accumulators(case.x, pack_weights(case.bits), channels=9, pad_value=0.5)
    with pytest.raises(ValueError, match="expected uint8"):
        accumulators(case.x, pack_weights(case.bits)[:, :1], channels=9)
