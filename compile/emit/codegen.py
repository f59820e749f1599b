# SPDX-License-Identifier: Apache-2.0
"""TIR kernels -> the target's machine code, as plain C functions (no packed API, nothing of TVM on the device)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tvm
from tvm import tirx

from ...targets import Target

PASSES = (
    tirx.transform.FlattenBuffer,
    tirx.transform.VectorizeLoop,
    tirx.transform.UnrollLoop,
    tirx.transform.StmtSimplify,
    tirx.transform.CommonSubexprElim,
    tirx.transform.LowerIntrin,
)


@dataclass(frozen=True)
class MachineCode:
    """The kernels' object file for one target."""

    module: tvm.runtime.Module

    def write_object(self, path: Path) -> None:
        """ELF relocatable."""
        self.module.write_to_file(str(path), "o")

    def assembly(self) -> str:
        """The target's assembly, without debug directives."""
        return "\n".join(
            line
            for line in self.module.inspect_source("asm").splitlines()
            if not line.lstrip().startswith((".loc", ".Ltmp", ".file"))
        )


def generate(kernels: dict[str, tirx.PrimFunc], target: Target) -> MachineCode:
    """Lower the kernels and run LLVM."""
    tvm_target = tvm.target.Target(target.llvm)
    passes = [tirx.transform.BindTarget(tvm_target), *(make() for make in PASSES)]
    with tvm.transform.PassContext(opt_level=3):
        module = tvm.ir.transform.Sequential(passes)(tvm.IRModule(kernels))
    return MachineCode(tvm.get_global_func("target.build.llvm")(module, tvm_target))
