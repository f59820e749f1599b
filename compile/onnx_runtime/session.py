# SPDX-License-Identifier: Apache-2.0
"""Sessions of ONNX Runtime that say nothing, to anybody."""

from __future__ import annotations

import onnx
import onnxruntime

from ..errors import CompileError
from ..refusals import recognition
from .without_conv_integer import without_conv_integer


def session(
    proto: onnx.ModelProto, path: str = "the model", threads: int = 1, as_written: bool = False
) -> onnxruntime.InferenceSession:
    """A quiet session; on one thread runs are repeatable. `as_written`: without ONNX Runtime's own rewriting, which
    moves factors into weights, so that sums of +-1 are no longer whole numbers. Raises CompileError."""
    # some of its builds report sessions to their maker, and a user's network is nobody else's business
    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what it refuses is said in one line, by us
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return open_session(proto, options)
    except Exception as e:  # its exceptions have no class in common but this
        raise CompileError(
            f"{path}: ONNX Runtime refuses it: {' '.join(str(e).split())[:300]}", recognition.RUNTIME
        ) from e


def open_session(proto: onnx.ModelProto, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """A session of the file as it is, or, where ONNX Runtime is too old for its ConvInteger, of one in float32."""
    providers = ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=providers)
    except Exception as e:
        if "ConvInteger" not in str(e):
            raise
    floats = without_conv_integer(proto).SerializeToString()
    return onnxruntime.InferenceSession(floats, options, providers=providers)
