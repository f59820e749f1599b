# SPDX-License-Identifier: Apache-2.0
"""Signs that rounding decides: the reference gets the device's, and nothing else may differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from biisnet.compile.errors import VerificationError
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.pipeline import compile_model
from biisnet.compile.storage import Bits
from biisnet.compile.verification.onnx_reference import OnnxReference
from biisnet.compile.verification.ties import decided, with_ties_decided
from biisnet.ops import DOMAIN, REGISTRY, pack_weights
from biisnet.targets import resolve

WIDTH = 64


def connected(outputs: tuple[int, ...] = (WIDTH, 8)) -> onnx.ModelProto:
    """Fully connected binary layers on a map of one pixel, whose sums are 0 now and then."""
    rng = np.random.default_rng(0)
    constants = {"w": rng.standard_normal((WIDTH, 1, 1, 1)).astype(np.float32)}
    nodes, x, channels = [helper.make_node("Conv", ["image", "w"], ["a"], kernel_shape=[1, 1])], "a", WIDTH
    for i, count in enumerate(outputs):
        ones = np.ones(count, np.float32)
        levels = np.array([-1, 1], np.float32)
        packed = pack_weights(rng.random((count, channels, 1, 1)) < 0.5)
        names = [f"{n}{i}" for n in ("packed", "scale", "offset", "levels", "weight_levels", "threshold")]
        values = (packed, 0.05 * ones, 0 * ones, levels, levels[None], np.zeros(1, np.float32))
        constants |= dict(zip(names, values, strict=True))
        nodes.append(
            helper.make_node("BinaryConv2d", [x, *names], [f"y{i}"], domain=DOMAIN, channels=channels, name=f"fc{i}")
        )
        x, channels = f"y{i}", count
    graph = helper.make_graph(
        nodes,
        "connected",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 1, 1])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, channels, 1, 1])],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
    functions = [REGISTRY["BinaryConv2d"].function()]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)


def test_sums_that_are_zero(tmp_path: Path) -> None:
    """Fails where the sign of a sum that is exactly 0 must be that of ONNX Runtime's 2.98e-8."""
    model = from_proto(connected(), "connected.onnx")
    verified = compile_model(model, None, resolve("host"), tmp_path / "b", say=lambda _: None).verified
    assert (verified.ties > 0, verified.accumulators) == (True, WIDTH + 8)
    assert f"8 values of the output within {verified.probability_error:.1e}, {verified.ties} ties" in verified.summary()


def signs(threshold: float = 0.0) -> Buffer:
    """A map of three channels' signs, of the layer between the two."""
    return Buffer("y0_bits", "y0", WIDTH, 1, 1, Bits(1, np.full(1, threshold, np.float32)))


def test_what_is_a_tie() -> None:
    """Fails where a number far from its threshold may fall elsewhere, or a near one stays on its side."""
    buffer = signs(0.5)
    value = np.linspace(-1, 1, WIDTH, dtype=np.float32)[:, None, None].copy()
    value[5] = np.nextafter(np.float32(0.5), np.float32(0))
    device = value >= 0.5
    assert decided(value, device, buffer)[1] == 0
    device[5] = True
    moved, count = decided(value, device, buffer)
    assert (count, moved[5]) == (1, 0.5)
    assert (moved >= 0.5).tolist() == device.tolist()
    device[0] = True
    with pytest.raises(VerificationError, match="1 of 64 signs of the whole run are wrong"):
        decided(value, device, buffer)


def test_an_infinite_number_makes_no_tie_of_others() -> None:
    """Fails where a wrong sign beside an infinite number passes as a tie."""
    value = np.ones((WIDTH, 4, 4), np.float32)
    value[0, 0, 0] = np.inf
    device = value >= 0.5
    device[0, 1, 1] = False
    buffer = Buffer("y0_bits", "y0", WIDTH, 4, 4, Bits(1, np.full(1, 0.5, np.float32)))
    with pytest.raises(VerificationError, match="1 of 1024 signs"):
        decided(value, device, buffer)
    assert buffer.encoding.compare(device, value, np.zeros_like(value), None).wrong == 1


def test_what_follows_a_tie_is_computed_again() -> None:
    """Fails where the reference's outputs are not those of the device's signs."""
    reference = OnnxReference(from_proto(connected(), "connected.onnx"), {"y0": "float32"})
    image = np.ones((1, 1, 1), np.float32)
    values = reference.run_as_written(image)
    device = values["y0"] >= 0
    at = int(np.flatnonzero(values["y0"] == 0)[0])
    assert with_ties_decided(reference, values, image, {signs(): device})[1] == 0
    device[at] = False
    found, ties = with_ties_decided(reference, values, image, {signs(): device})
    assert ties == 1
    np.testing.assert_allclose(np.abs(found["y1"] - values["y1"]), 0.1, rtol=1e-5)
