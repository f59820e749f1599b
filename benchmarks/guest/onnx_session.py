# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime, one thread, in the arm64 userland."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnxruntime
from region import measure


def open_model(path: str) -> Callable[[Any], Any]:
    """A session, all optimisations on; the file is for one size."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda frame: session.run(None, {name: frame})[0]


measure(open_model)
