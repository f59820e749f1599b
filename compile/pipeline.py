"""The whole compiler on one screen: ONNX -> Relax -> stages -> TIR -> machine code -> bundle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tvm

from ..targets import Target
from ..targets.toolchain import prepare
from . import plan_source
from .bundle import BundleWriter, Summary
from .codegen import generate
from .frontend import Model, import_onnx
from .link import link_archive, link_library, link_runner, write_objects
from .passes.build_kernels import build_kernels
from .passes.cut_stages import cut_stages
from .passes.fold_residual import fold_residual
from .passes.fold_scale_into_leaky import fold_scale_into_leaky
from .passes.fold_scale_shift import fold_scale_shift
from .passes.lower_layers import lower_layers
from .passes.plan_arena import plan_arena
from .plan import Plan
from .progress import Progress
from .verification import NOT_ASKED, check_bundle

RELAX_PASSES: tuple[Callable[[tvm.IRModule], tvm.IRModule], ...] = (
    lower_layers,  # com.biisnet layers -> binary_dot, scale_shift, leaky
    fold_scale_into_leaky,  # DB Conv's factor goes into MaxOut's slopes
    fold_residual,  # ... and its residual too
    fold_scale_shift,  # BatchNorm, RPReLU's shifts and ReDistribution become one multiply-add
)
PLAN_STEPS = 1 + len(RELAX_PASSES) + 3


def make_plan(model: Model, size: tuple[int, int] | None, progress: Progress) -> Plan:
    """The front half: everything that does not depend on the target."""
    module = progress.run("import_onnx", import_onnx, model, size)
    for relax_pass in RELAX_PASSES:
        module = progress.run(relax_pass.__name__, relax_pass, module)
    program = progress.run("cut_stages", cut_stages, module, model.name)
    arena = progress.run("plan_arena", plan_arena, program)
    kernels = progress.run("build_kernels", build_kernels, program)
    return Plan(program, arena, kernels, float(model.metadata.get("threshold", 0.5)))


def compile_model(
    model: Model,
    size: tuple[int, int] | None,
    target: Target,
    output: Path,
    *,
    say: Callable[[str], None],
    dump: Path | None = None,
    verify: bool = True,
) -> Summary:
    """Compile `model` for `target` into the bundle folder `output` (and `output`.tar beside it).

    Nothing appears at `output` unless all steps, the verification included, went well. Raises CompileError,
    VerificationError, TargetError, ToolchainError.
    """
    with BundleWriter(output) as bundle, ThreadPoolExecutor(1) as beside:
        libraries = beside.submit(prepare, target, bundle.make_folder("toolchain"))
        progress = Progress(PLAN_STEPS + 5 + verify, say, dump)
        plan = make_plan(model, size, progress)
        code = progress.run("generate_code", generate, plan.kernels.funcs, target)
        objects = write_objects(bundle.build, plan.source, plan_source.parameter_offsets(plan.kernels)[1], code)
        progress.run("prepare_toolchain", libraries.result)
        progress.run("link_library", link_library, objects, target, bundle.root)
        progress.run("link_archive", link_archive, objects, target, bundle.root)
        progress.run("link_runner", link_runner, objects, target, bundle.root)
        verified = (
            progress.run("verify", check_bundle, model, plan, target, bundle.root, bundle.failure)
            if verify
            else NOT_ASKED
        )
        return bundle.finish(model, plan, target, verified)
