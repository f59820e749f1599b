# SPDX-License-Identifier: Apache-2.0
"""The bodies of QONNX's operators, against their meaning in numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.onnx_runtime import session
from biisnet.compile.recognise.foreign_ops import ROUNDINGS, SAME, add_bodies, name_roundings

from .networks import Net

Array = npt.NDArray[Any]
MEANINGS: dict[str, Callable[[Array], Array]] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.fix,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
}
"""QONNX's rounding modes (docs/qonnx-custom-ops, quant.md)."""


def quantized(mode: str) -> Net:
    """Quant of the image to 3 bits, in quarters."""
    net = Net((1, 3, 8, 8))
    parameters = (np.float32(0.25), np.float32(0), np.float32(3))
    net.last = net.op(
        "Quant", "image", *parameters, domain="qonnx.custom_op.general", signed=1, narrow=0, rounding_mode=mode
    )
    return net


@pytest.mark.parametrize("mode", [*ROUNDINGS, *SAME])
def test_rounding(mode: str) -> None:
    """Fails where a body rounds another way than its mode says."""
    net = quantized(mode.lower())
    proto = net.model(net.last).proto
    name_roundings(proto, "net.onnx")
    add_bodies(proto)
    image = (np.arange(-96, 96, dtype=np.float32) / 32 / 4).reshape(1, 3, 8, 8)
    (found,) = session(proto, "net.onnx").run(None, {"image": image})
    np.testing.assert_array_equal(found, MEANINGS[mode](np.clip(image / 0.25, -4, 3)) * 0.25)


def test_no_rounding_of_qonnx() -> None:
    """Fails where an unknown way of rounding is taken for the nearest."""
    net = quantized("STOCHASTIC")
    with pytest.raises(CompileError, match=r"'Quant_0' \(Quant\): rounding_mode STOCHASTIC is none of ROUND, FLOOR"):
        name_roundings(net.model(net.last).proto, "net.onnx")
