# SPDX-License-Identifier: Apache-2.0
"""The compiler does not load PyTorch, and who needs both has both."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import biisnet.compile.kernels.context
assert "tvm" in sys.modules and "torch" not in sys.modules, "TVM has loaded PyTorch"
import torch
import numpy as np
import tvm
assert torch.ones(3).sum().item() == 3
assert tvm.runtime.tensor(torch.arange(3).numpy()).numpy().tolist() == [0, 1, 2]
"""


def test_torch_is_loaded_by_who_needs_it() -> None:
    """Fails where an ONNX file's compilation waits for PyTorch, or where it cannot be imported behind TVM."""
    pytest.importorskip("torch")
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
