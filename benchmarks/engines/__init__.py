# SPDX-License-Identifier: Apache-2.0
"""The registry of engines. A new one is a file with its functions, and an entry here."""

from __future__ import annotations

from . import bundle, onnx_runtime, pytorch, stock_tvm
from .engine import Engine, Infer

OURS = "biisnet"
REFERENCE = "onnxruntime"
ENGINES: dict[str, Engine] = {
    e.name: e
    for e in (
        Engine(OURS, "biisnet", bundle.build, bundle.open_, bundle.price),
        Engine(REFERENCE, "ONNX Runtime", onnx_runtime.build, onnx_runtime.open_, onnx_runtime.price),
        Engine("torch", "PyTorch", pytorch.build, pytorch.open_eager),
        Engine("torch-compile", "torch.compile", pytorch.build, pytorch.open_compiled),
        Engine("tvm", "TVM", stock_tvm.build, stock_tvm.open_, stock_tvm.price),
    )
}

__all__ = ["ENGINES", "OURS", "REFERENCE", "Engine", "Infer"]
