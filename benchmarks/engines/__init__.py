# SPDX-License-Identifier: Apache-2.0
"""The registry of engines. A new one is a file with its functions, and an entry here."""

from __future__ import annotations

from . import bundle, integer_bundle, onnx_runtime, pytorch, stock_tvm
from .engine import Engine, Infer

OURS = "biisnet"
INTEGERS = "biisnet-int8"
OWN = (OURS, INTEGERS)
REFERENCE = "onnxruntime"
ENGINES: dict[str, Engine] = {
    e.name: e
    for e in (
        Engine(OURS, "biisnet, float32", bundle.build, bundle.open_, bundle.price),
        Engine(INTEGERS, "biisnet, int8", integer_bundle.build, integer_bundle.open_, integer_bundle.price, True),
        Engine(REFERENCE, "ONNX Runtime", onnx_runtime.build, onnx_runtime.open_, onnx_runtime.price),
        Engine("torch", "PyTorch", pytorch.build, pytorch.open_eager, shipped_alone=True),
        Engine("torch-compile", "torch.compile", pytorch.build, pytorch.open_compiled, shipped_alone=True),
        Engine("tvm", "TVM", stock_tvm.build, stock_tvm.open_, stock_tvm.price),
    )
}

__all__ = ["ENGINES", "INTEGERS", "OURS", "OWN", "REFERENCE", "Engine", "Infer"]
