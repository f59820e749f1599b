# SPDX-License-Identifier: Apache-2.0
"""`BinaryWeightConv2d`: numpy, PyTorch and ONNX Runtime agree."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from biisnet.ops import REGISTRY, pack_weights

reference = REGISTRY["BinaryWeightConv2d"].reference


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_agrees_everywhere(run_op: Callable[..., np.ndarray], data: st.DataObject) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    group, channels, outputs = (data.draw(st.integers(1, n)) for n in (3, 19, 4))
    pad, stride, dilation = (data.draw(st.integers(low, 3)) for low in (0, 1, 1))
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    assume(min(height, width) + 2 * pad >= 2 * dilation + 1)
    x = rng.normal(size=(2, group * channels, height, width)).astype(np.float32)
    bits = rng.random((group * outputs, channels, 3, 3)) < 0.5
    levels = rng.normal(size=(len(bits) if data.draw(st.booleans()) else 1, 2)).astype(np.float32)
    scale, offset = rng.normal(size=(2, len(bits))).astype(np.float32)
    attributes = {
        "channels": channels,
        "strides": [stride] * 2,
        "pads": [pad] * 4,
        "dilations": [dilation] * 2,
        "group": group,
    }
    found = reference(x, pack_weights(bits), scale, offset, levels, **attributes)
    by_onnx = run_op("BinaryWeightConv2d", [x, pack_weights(bits), scale, offset, levels], **attributes)
    weights = np.where(bits, levels[:, 1].reshape(-1, 1, 1, 1), levels[:, 0].reshape(-1, 1, 1, 1))
    total = torch.nn.functional.conv2d(
        torch.from_numpy(x), torch.from_numpy(weights), None, stride, pad, dilation, group
    ).numpy()
    np.testing.assert_allclose(found, total * scale[:, None, None] + offset[:, None, None], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(by_onnx, found, rtol=1e-4, atol=1e-4)


def test_weights_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="packed bits"):
        reference(
            np.zeros((1, 9, 3, 3)), np.zeros((1, 1, 3, 3), np.uint8), *np.ones((2, 1)), np.ones((1, 2)), channels=9
        )
