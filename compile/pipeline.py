# SPDX-License-Identifier: Apache-2.0
"""The whole compiler on one screen: ONNX -> Relax -> stages -> TIR -> machine code -> bundle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from ..targets import Target
from ..targets.toolchain import LIBCS, check_cache, prepare
from .emit import plan_source
from .emit.bundle import BundleWriter, Summary
from .emit.codegen import generate
from .emit.link import link_archive, link_library, link_runner, write_objects
from .emit.prefix import check_prefix
from .errors import CompileError
from .frontend import OnnxModel, import_onnx
from .frontend.task import find_signature
from .ir.memory import Layout
from .ir.plan import Plan
from .ir.stages import Program
from .passes.build_kernels import build_kernels
from .passes.check_constants import check_constants
from .passes.choose_layouts import choose_layouts
from .passes.cut_stages import cut_stages
from .passes.distribute_scale import distribute_scale
from .passes.drop_sign_preserving_two_slope import drop_sign_preserving_two_slope
from .passes.fold_prelu_into_accumulator import fold_prelu_into_accumulator
from .passes.fold_relu import fold_relu
from .passes.fuse_multiply_add import fuse_multiply_add
from .passes.fuse_pool_into_depthwise import fuse_pool_into_depthwise
from .passes.order_tasks import order_tasks
from .passes.plan_arena import plan_arena, plan_probing
from .passes.prescale_stored_maps import prescale_stored_maps
from .passes.prove_sums import prove_sums
from .passes.receptive_field import receptive_field
from .passes.relax_passes import RELAX_PASSES
from .passes.reuse_places import reuse_places
from .passes.share_bands import share_bands
from .passes.size_rings import size_rings, widen_rings
from .passes.store_twins_once import store_twins_once
from .progress import Progress
from .recognise import Recognised, recognise
from .refusals import recognition, whole
from .schedules import Schedules
from .tuning.records import tuned_schedules
from .verification.accumulators import is_binary
from .verification.check import NOT_ASKED, check_bundle
from .verification.memory import check_memory

__all__ = ["compile_model", "make_plan"]

PROGRAM_PASSES: tuple[Callable[[Program], Program], ...] = (
    drop_sign_preserving_two_slope,  # sign bits are packed before the layer's last two_slope
    store_twins_once,  # signs of a map beside itself
    distribute_scale,  # ReDistribution and averages go into the parts of the sums they follow
    fold_prelu_into_accumulator,  # RPReLU of an accumulator is two multiply-adds
    prescale_stored_maps,  # ... and what is left of them, to the stage before
    fuse_multiply_add,  # a slope and what is added
    check_constants,
)
PLAN_STEPS = (
    "import_onnx",
    *(p.__name__ for p in RELAX_PASSES),
    "cut_stages",
    *(p.__name__ for p in PROGRAM_PASSES),
    "prove_sums",
    "choose_layouts",
    "fold_relu",
    "fuse_pool_into_depthwise",
    "reuse_places",
    "build_kernels",
    "order_tasks",
    "size_rings",
    "plan_arena",
)
RUNNER_STEPS = ("generate_code", "prepare_musl", "link_runner")
LIBRARY_STEPS = ("prepare_glibc", "link_library", "link_archive")


PATIENCE = 5.0
"""Seconds after which it is said what is waited for."""


def finished(work: Future[None], say: Callable[[str], None]) -> None:
    """Wait for work that another thread does, and say so where it takes long."""
    if not wait([work], PATIENCE).done:
        say("note: zig builds its C library for the target: a minute or two, once on a machine")
    work.result()


def make_plan(
    model: OnnxModel, size: tuple[int, int] | None, target: Target, progress: Progress, schedules: Schedules
) -> Plan:
    """The front half: everything but machine code. Of the target it asks the core. Raises CompileError."""
    try:
        return plan_of(model, size, target, progress, schedules)
    except RecursionError as e:
        raise CompileError(
            f"{model.path}: hundreds of element-wise layers follow each other; join them (a chain of Adds is one sum)",
            whole.CHAIN,
        ) from e


def plan_of(
    model: OnnxModel, size: tuple[int, int] | None, target: Target, progress: Progress, schedules: Schedules
) -> Plan:
    """The steps of `make_plan`."""
    module = progress.run("import_onnx", import_onnx, model, size)
    for relax_pass in RELAX_PASSES:
        module = progress.run(relax_pass.__name__, relax_pass, module)
    program = progress.run("cut_stages", cut_stages, module, model.name, target.core)
    for program_pass in PROGRAM_PASSES:
        program = progress.run(program_pass.__name__, program_pass, program)
    proof = progress.run("prove_sums", prove_sums, program, model.path)
    program = progress.run("choose_layouts", choose_layouts, program, target.core)
    program = progress.run("fold_relu", fold_relu, program)
    program = progress.run("fuse_pool_into_depthwise", fuse_pool_into_depthwise, program)
    program = progress.run("reuse_places", reuse_places, program)
    kernels = progress.run("build_kernels", build_kernels, program, target.core, schedules)
    order = progress.run("order_tasks", order_tasks, kernels, schedules)
    slots = progress.run("size_rings", size_rings, kernels, order)
    streaming = progress.run("plan_arena", plan_arena, kernels, slots, order)
    shared = order_tasks(kernels, schedules, share_bands(kernels.steps))
    wide = widen_rings(kernels, size_rings(kernels, shared), shared)
    sharing, probing = plan_arena(kernels, wide, None), plan_probing(kernels)
    field = receptive_field(program)
    signature = find_signature(model, program)
    layouts = (Layout(streaming, order), Layout(sharing, shared), Layout(probing, order))
    source = plan_source.plan_source(program, kernels, layouts, signature, model.sha256, field)
    return Plan(program, kernels, *layouts, signature, field, source, proof)


def without_binary(model: OnnxModel, found: Recognised | None = None) -> str:
    """The refusal of a network of floats alone; what looks binary in it is named, since somebody meant it to be."""
    suspects = [f"'{row.layer}': {row.why}" for row in found.table if row.is_suspect] if found else []
    looks = f" ({'; '.join(suspects[:3])}{' and others' if len(suspects) > 3 else ''})" if suspects else ""
    return (
        f"{model.path}: has no binary convolution, all of it is floating point{looks}; give the binarized network, or "
        "--allow-float to compile it as it is"
    )


def compile_model(
    given: OnnxModel | Recognised,
    size: tuple[int, int] | None,
    target: Target,
    output: Path,
    *,
    say: Callable[[str], None],
    dump: Path | None = None,
    verify: bool = True,
    schedules: Schedules | None = None,
    prefix: str | None = None,
    allow_float: bool = False,
    sign_of_zero: int | None = None,
) -> Summary:
    """Compile a model for `target` into the bundle folder `output` (and `output`.tar beside it).

    A model of other operators than com.biisnet's is rewritten in these first (`recognise`), which `sign_of_zero` is an
    argument of. Who has done so gives what that returns.

    `schedules` are the shipped ones where none are given; with `prefix` the archive's names begin with it instead of
    `biisnet`, for programs that hold several. A network without any binary convolution, for which there is no reason to
    be here, is refused but with `allow_float`.

    Nothing appears at `output` unless all steps, the verification included, went well. Raises CompileError,
    VerificationError, TargetError, ToolchainError.
    """
    if prefix is not None:
        check_prefix(prefix)
    found = given if isinstance(given, Recognised) else recognise(given, size, sign_of_zero)
    model = found.model
    for line in found.lines():
        say(line)
    if found.table and not allow_float and not any(row.is_binary for row in found.table):
        raise CompileError(without_binary(model, found), recognition.NO_BINARY)
    check_cache(say)  # a minute of kernels before it is known that there is none would be for nothing
    with BundleWriter(output) as bundle, ThreadPoolExecutor(1) as beside:
        steps = (*PLAN_STEPS, *RUNNER_STEPS, *(("verify",) if verify else ()), *LIBRARY_STEPS)
        progress = Progress(steps, say, dump)
        plan = make_plan(model, size, target, progress, schedules or tuned_schedules(target))
        if not allow_float and not any(is_binary(step.stage) for step in plan.kernels.steps):
            raise CompileError(without_binary(model), recognition.NO_BINARY)
        if verify:
            check_memory(plan)
        if plan.proof.sums:
            say(plan.proof.summary())
        say(f"kernels {plan.kernels.summary()}")
        # only now: what is wrong with a model is said without waiting for this
        libc = {name: beside.submit(prepare, target, bundle.make_folder(name), name) for name in LIBCS}
        code = progress.run("generate_code", generate, plan.kernels.funcs, target)
        objects = write_objects(bundle.build, plan.source, plan_source.parameter_offsets(plan.kernels)[1], code)
        progress.run("prepare_musl", finished, libc["musl"], say)
        progress.run("link_runner", link_runner, objects, target, bundle.root)
        # all that is verified is in the runner; the first time on a machine glibc is prepared beside it
        verified = (
            progress.run("verify", check_bundle, model, plan, target, bundle.root, bundle.failure)
            if verify
            else NOT_ASKED
        )
        progress.run("prepare_glibc", finished, libc["gnu"], say)
        progress.run("link_library", link_library, objects, target, bundle.root)
        progress.run("link_archive", partial(link_archive, prefix=prefix), objects, target, bundle.root)
        return bundle.finish(model, plan, target, verified, prefix)
