# SPDX-License-Identifier: Apache-2.0
"""TVM is imported without PyTorch: a second or two, and 200 MB, of every command that compiles.

TVM imports PyTorch, where it is installed, for tensors that nobody here gives it. What is loaded already stays, and
who imports PyTorch afterwards finds it.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from types import ModuleType

TVM = ("tvm_ffi", "tvm")


def is_loading(name: str) -> bool:
    """Whether a module has begun to be imported and has not ended; what importlib asks itself about circles."""
    return getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False)


class WithoutTorch(importlib.abc.MetaPathFinder):
    """A finder that finds nothing, and says so of PyTorch while TVM is loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raises ModuleNotFoundError, as where PyTorch is not installed, which TVM takes for an answer."""
        if name == "torch" and any(map(is_loading, TVM)):
            raise ModuleNotFoundError("TVM is imported without PyTorch", name=name)


def install() -> None:
    """From now on; once."""
    if not any(isinstance(finder, WithoutTorch) for finder in sys.meta_path):
        sys.meta_path.insert(0, WithoutTorch())
