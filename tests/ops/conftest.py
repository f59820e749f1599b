# SPDX-License-Identifier: Apache-2.0
"""One operator as a model of its own, run by a stock ONNX Runtime."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from biisnet.ops import DOMAIN, OPSET, REGISTRY, VERSION


def _run(name: str, inputs: Sequence[np.ndarray], **attributes: Any) -> np.ndarray:
    function = REGISTRY[name].function()
    node = helper.make_node(name, list(function.input), list(function.output), domain=DOMAIN, **attributes)
    values = [
        helper.make_tensor_value_info(formal, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for formal, array in zip(function.input, inputs, strict=True)
    ]
    out = helper.make_tensor_value_info("Y", onnx.TensorProto.FLOAT, ["N", "M", "OH", "OW"])
    graph = helper.make_graph([node], "op", values, [out])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)]
    model = helper.make_model(graph, opset_imports=opsets, functions=[function], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, dict(zip(function.input, inputs, strict=True)))[0]
    return result


@pytest.fixture(scope="session")
def run_op() -> Callable[..., np.ndarray]:
    """`run_op(name, inputs, **attributes)`: the operator's FunctionProto in ONNX Runtime."""
    return _run
