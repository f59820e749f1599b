# SPDX-License-Identifier: Apache-2.0
"""An integer network in an ONNX Runtime without ConvInteger of int8 weights: the same integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from biisnet.compile.verification import onnx_reference
from biisnet.compile.verification.without_conv_integer import without_conv_integer
from biisnet.model import shipped_integers


def network() -> onnx.ModelProto:
    path = shipped_integers("biisnet-lite")
    assert path is not None
    return onnx.load(path)


def test_the_same_integers() -> None:
    """Fails where a sum, a zero point or the padding differs."""
    proto = network()
    floats = without_conv_integer(proto)
    assert "ConvInteger" not in {n.op_type for n in floats.graph.node}
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 40, 28), dtype=np.uint8)
    runs = [onnx_reference.session(p).run(None, {"image": image})[0] for p in (floats, proto)]
    np.testing.assert_array_equal(*runs)


def test_only_where_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where an old ONNX Runtime's refusal ends it, or another refusal is passed over."""
    seen: list[bool] = []
    create = onnxruntime.InferenceSession

    def old(data: bytes, *arguments: Any, **options: Any) -> onnxruntime.InferenceSession:
        has = any(n.op_type == "ConvInteger" for n in onnx.ModelProto.FromString(data).graph.node)
        seen.append(has)
        if has:
            raise RuntimeError("NOT_IMPLEMENTED : Could not find an implementation for ConvInteger(10)")
        return create(data, *arguments, **options)

    monkeypatch.setattr(onnx_reference.onnxruntime, "InferenceSession", old)
    onnx_reference.session(network())
    assert seen == [True, False]
