# SPDX-License-Identifier: Apache-2.0
"""TVM as it comes: its own ONNX importer on the standard-operator file, its default pipeline, its virtual machine."""

from __future__ import annotations

from pathlib import Path

from biisnet.targets import Target, resolve
from biisnet.targets.toolchain import zig

from ..case import F32, Case
from ..emulated import EmulatedCost, Emulation, price_guest
from .engine import Infer

LIBRARY = "model.so"
NEON = ["+neon"]


def build(case: Case, folder: Path) -> None:
    """Compile for this machine's own CPU. Raises TargetError, ToolchainError."""
    host = resolve("host")
    compile_library(case, folder, host, host.llvm)


def compile_library(case: Case, folder: Path, target: Target, llvm: dict[str, object]) -> None:
    """The network as a shared library for TVM's virtual machine; linked by zig, which can for every target."""
    import tvm
    from tvm.relax.frontend.onnx import from_onnx

    from ..stock_onnx import standard_model

    def link(output: str, objects: list[str], options: object = None, **_: object) -> None:
        zig(["cc", "-Os", *target.zig(), "-shared", "-fPIC", "-Wl,-z,undefs", "-o", output, *objects], folder)

    module = from_onnx(standard_model(case, folder / "standard.onnx"))
    tvm.compile(module, target=tvm.target.Target(llvm)).export_library(str(folder / LIBRARY), fcompile=link)


def open_(case: Case, folder: Path, threads: int) -> Infer:
    """The virtual machine; the worker has told it the number of threads."""
    import tvm
    from tvm import relax

    machine = relax.VirtualMachine(tvm.runtime.load_module(str(folder / LIBRARY)), tvm.cpu())

    def infer(frame: F32) -> F32:
        output: F32 = machine["main"](tvm.runtime.tensor(frame)).numpy()
        return output

    return infer


def price(job: Emulation) -> EmulatedCost:
    """Cross-compiled for the board's CPU, run by TVM's aarch64 wheel."""
    compile_library(job.case, job.folder, job.target, {**job.target.llvm, "mattr": NEON})
    return price_guest(job, "tvm_machine.py", job.folder / LIBRARY)
