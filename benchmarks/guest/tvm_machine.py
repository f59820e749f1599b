# SPDX-License-Identifier: Apache-2.0
"""TVM's virtual machine, one thread, in the arm64 userland."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tvm
from region import measure
from tvm import relax


def open_model(path: str) -> Callable[[Any], Any]:
    """The cross-compiled library, which is for one size."""
    machine = relax.VirtualMachine(tvm.runtime.load_module(path), tvm.cpu())
    return lambda frame: machine["main"](tvm.runtime.tensor(frame)).numpy()


measure(open_model)
