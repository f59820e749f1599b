# SPDX-License-Identifier: Apache-2.0
"""An ONNX file as a stock importer can read it: no functions, one size, constants folded.

ONNX Runtime's basic optimisations fold the unpacking of the weights, and write standard ONNX.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxruntime
from onnx.inliner import inline_local_functions

from .case import F32, Case


def session(
    model: bytes, case: Case, threads: int, level: str = "ORT_ENABLE_ALL", saved: Path | None = None
) -> onnxruntime.InferenceSession:
    """ONNX Runtime on the CPU, for frames of the case's size; `saved` gets the graph that it made of the model."""
    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    if saved:
        options.optimized_model_filepath = str(saved)
    for name, side in (("height", case.height), ("width", case.width)):
        options.add_free_dimension_override_by_name(name, side)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(opened: onnxruntime.InferenceSession, frame: F32) -> F32:
    """The first output of a frame [1, C, H, W]."""
    output: F32 = opened.run(None, {opened.get_inputs()[0].name: frame})[0]
    return output


def standard_model(case: Case, path: Path) -> onnx.ModelProto:
    """The case's network in standard operators at its size; written to `path`, too."""
    inlined = inline_local_functions(case.model().proto)
    session(inlined.SerializeToString(), case, 1, "ORT_ENABLE_BASIC", path)
    return onnx.load(path)
