# SPDX-License-Identifier: Apache-2.0
"""Small binarized networks for colour images: one of classes, one of maps twice as large, one of two maps."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from biisnet.ops import DOMAIN, REGISTRY, pack_weights

HEIGHT, WIDTH, CHANNELS, CLASSES = 12, 16, 8, 20


def network(task: str) -> onnx.ModelProto:
    """Of `task` classification, map, or "maps", whose second is what its binary convolution gives."""
    rng = np.random.default_rng(1)
    ones, levels = np.ones(CHANNELS, np.float32), np.array([-1, 1], np.float32)
    outputs = CLASSES if task == "classification" else 3
    constants = {
        "stem": rng.normal(0, 0.2, (CHANNELS, 3, 3, 3)).astype(np.float32),
        "bits": pack_weights(rng.random((CHANNELS, CHANNELS, 3, 3)) < 0.5),
        "scale": 0.05 * ones,
        "offset": (0.1 * rng.normal(size=CHANNELS)).astype(np.float32),
        "levels": levels,
        "weight_levels": levels[None],
        "threshold": rng.normal(0, 0.3, CHANNELS).astype(np.float32),
        "head": rng.normal(0, 0.5, (outputs, CHANNELS, 1, 1)).astype(np.float32),
        "scales": np.array([1, 1, 2, 2], np.float32),
    }
    binary = ["x", "bits", "scale", "offset", "levels", "weight_levels", "threshold"]
    nodes = [
        helper.make_node("Conv", ["image", "stem"], ["x"], pads=[1, 1, 1, 1], name="stem"),
        helper.make_node(
            "BinaryConv2d", binary, ["dot"], domain=DOMAIN, channels=CHANNELS, pads=[1, 1, 1, 1], name="dot"
        ),
        helper.make_node("GlobalAveragePool", ["dot"], ["map"])
        if task == "classification"
        else helper.make_node("Resize", ["dot", "", "scales"], ["map"], mode="linear"),
        helper.make_node("Conv", ["map", "head"], ["y"], name="head"),
    ]
    size = (1, 1) if task == "classification" else (2 * HEIGHT, 2 * WIDTH)
    second = [1, CHANNELS, HEIGHT, WIDTH]
    graph = helper.make_graph(
        nodes,
        task,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs, *size]),
            *([helper.make_tensor_value_info("dot", TensorProto.FLOAT, second)] if task == "maps" else []),
        ],
        [numpy_helper.from_array(v, n) for n, v in constants.items() if any(n in node.input for node in nodes)],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
    functions = [REGISTRY["BinaryConv2d"].function()]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)
