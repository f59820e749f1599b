# SPDX-License-Identifier: Apache-2.0
"""One operator as a model of its own, run by a stock ONNX Runtime."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from biisnet.ops import DOMAIN, OPSET, REGISTRY


def _run(
    name: str,
    inputs: Sequence[np.ndarray],
    out: int = onnx.TensorProto.FLOAT,
    optimise: bool = True,
    constant: bool = False,
    **attributes: Any,
) -> np.ndarray:
    function = REGISTRY[name].function()
    node = helper.make_node(name, list(function.input), list(function.output), domain=DOMAIN, **attributes)
    values = [
        helper.make_tensor_value_info(formal, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for formal, array in zip(function.input, inputs, strict=True)
    ]
    result_info = helper.make_tensor_value_info("Y", out, ["N", "M", "OH", "OW"])
    given = dict(zip(function.input, inputs, strict=True))
    held = list(given)[1:] if constant else []
    weights = [numpy_helper.from_array(given.pop(formal), formal) for formal in held]
    graph = helper.make_graph([node], "op", [v for v in values if v.name in given], [result_info], weights)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, REGISTRY[name].since)]
    model = helper.make_model(graph, opset_imports=opsets, functions=[function], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimise else level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, given)[0]
    return result


@pytest.fixture(scope="session")
def run_op() -> Callable[..., np.ndarray]:
    """`run_op(name, inputs, **attributes)`: the operator's FunctionProto in ONNX Runtime.

    `out` is the result's ONNX type, `optimise` whether ONNX Runtime rewrites the graph, `constant` whether all inputs
    but the first are weights of the file.
    """
    return _run
