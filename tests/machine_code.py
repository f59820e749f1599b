# SPDX-License-Identifier: Apache-2.0
"""LLVM's work, the longest part of a small network's compilation, done once for the same kernels and target.

Many tests compile the same network and look at something else. Kernels that differ in a constant alone are others.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

import tvm
from tvm import tirx
from tvm_ffi import structural_hash

from biisnet.compile.emit.codegen import MachineCode, generate
from biisnet.targets import Target

Once = Callable[[str, Callable[[Path], object]], Path]


class Kept(MachineCode):
    """Machine code whose object file is kept; LLVM runs where there is none yet, or where another form is asked for."""

    def __init__(self, kernels: dict[str, tirx.PrimFunc], target: Target, once: Once) -> None:
        said = [target.llvm, {name: structural_hash(func) for name, func in kernels.items()}]
        name = f"{hashlib.sha256(json.dumps(said).encode()).hexdigest()}.o"
        vars(self).update(make=partial(generate, kernels, target), keep=partial(once, name))

    @cached_property
    def module(self) -> tvm.runtime.Module:  # type: ignore[override]
        """LLVM's."""
        return self.make().module

    def write_object(self, path: Path) -> None:
        """A copy of the file that is kept."""
        shutil.copyfile(self.keep(self.write_whole), path)

    def write_whole(self, path: Path) -> None:
        """LLVM's object file, or none where it fails."""
        part = path.with_suffix(".part")
        super().write_object(part)
        part.replace(path)
