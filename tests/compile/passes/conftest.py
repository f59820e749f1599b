# SPDX-License-Identifier: Apache-2.0
"""The shipped network as Relax, before and after each pass."""

from __future__ import annotations

import pytest
import tvm

from biisnet.compile.frontend import import_onnx, load_model
from biisnet.compile.pipeline import RELAX_PASSES
from biisnet.model import shipped_onnx


@pytest.fixture(scope="session")
def shipped() -> dict[str, tvm.IRModule]:
    """Pass -> the shipped network at 16x24 after it; "import_onnx" is what comes first."""
    path = shipped_onnx()
    assert path is not None
    modules = {"import_onnx": import_onnx(load_model(path), (16, 24))}
    for relax_pass in RELAX_PASSES:
        modules[relax_pass.__name__] = relax_pass(list(modules.values())[-1])
    return modules
