# SPDX-License-Identifier: Apache-2.0
"""Small Relax modules by hand, and the shipped one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax
from tvm.ir import Expr

from biisnet.compile.frontend import import_onnx, load_model
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr as Node
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Program, Stage
from biisnet.compile.ir.steps import Kernels, Step
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.passes.cut_stages import cut_stages
from biisnet.compile.pipeline import PROGRAM_PASSES, RELAX_PASSES
from biisnet.model import shipped_onnx
from biisnet.targets.cores import GENERIC

Array = npt.NDArray


def module_of(body: Callable[[Expr], Expr | list[Expr]], shape: tuple[int, int, int] = (4, 3, 5)) -> tvm.IRModule:
    """main(x [1, *shape]) = body(x), as the importer makes it."""
    x = relax.Var("x", relax.TensorType((1, *shape), "float32"))
    builder = relax.BlockBuilder()
    with builder.function("main", [x]):
        with builder.dataflow():
            made = body(x)
            results = made if isinstance(made, list) else [made]
            outputs = [builder.emit_output(r) for r in results]
        builder.emit_func_output(outputs[0] if len(outputs) == 1 else relax.Tuple(outputs))
    names = [f"y{i}" for i in range(len(outputs))]
    return relax.transform.Normalize()(builder.get()).with_attrs({"onnx_names": {"x": "x"}, "onnx_outputs": names})


def stored_form(b: Buffer, value: Array) -> Array:
    """What a stage that computes `value` [C, H, W] leaves in `b`: its signs, or itself (where `b` is scaled, so is the
    value by then)."""
    return b.encoding.encode(value) if b.encoding.is_exact else value


def run_program(program: Program, image: Array) -> list[Array]:
    """The program on image [C, H, W], stage by stage in numpy -> its outputs."""
    (source,) = program.inputs
    stored: dict[str, Array] = {source.name: image}
    for stage in program.stages:
        for b, value in zip(stage.outputs, evaluate(stage, stored), strict=True):
            assert value.shape == (b.channels, b.height, b.width), f"{stage.name}: {value.shape}"
            stored[b.name] = stored_form(b, value)
    return [stored[b.name] for b in program.outputs]


def vector(seed: int, n: int = 4) -> Array:
    """Per-channel constants, multiples of 1/4."""
    return np.random.default_rng(seed).integers(-8, 9, n).astype(np.float32) / 4


def picture(shape: tuple[int, ...] = (4, 3, 5), seed: int = 9) -> Array:
    """A map, multiples of 1/8."""
    return (np.random.default_rng(seed).integers(-32, 33, shape) / 8).astype(np.float32)


@cache
def shipped_module(size: tuple[int, int]) -> tvm.IRModule:
    """The shipped network after the Relax passes."""
    path = shipped_onnx()
    assert path is not None
    module = import_onnx(load_model(path), size)
    for relax_pass in RELAX_PASSES:
        module = relax_pass(module)
    return module


def shipped_program(size: tuple[int, int], until: str | None = "cut_stages") -> Program:
    """The shipped network's stages, made anew, after the pass `until`; None: after all."""
    program = cut_stages(shipped_module(size), "biisnet", GENERIC)
    for name, program_pass in {p.__name__: p for p in PROGRAM_PASSES}.items():
        if until == "cut_stages":
            break
        program = program_pass(program)
        if name == until:
            break
    return program


def steps_of(program: Program, constants: int = 0, bands: Sequence[int] | None = None) -> Kernels:
    """The stages as steps, without their machine code; of bands of one row where nothing else is said."""
    steps = [
        Step(s, "kernel", s.operands(), b"", {}, {"end": constants}, Schedule(1, band=band))
        for s, band in zip(program.stages, bands or [1] * len(program.stages), strict=True)
    ]
    return Kernels({}, steps)


def one_stage(*results: tuple[Node, ...], height: int = 3, width: int = 5) -> Program:
    """A program of one stage that stores each of the results."""
    outputs = [
        Buffer(f"y{n}", f"y{n}", sum(e.channels for e in r), height, width, external=n) for n, r in enumerate(results)
    ]
    stage = Stage("stage", (), list(outputs), list(results))
    inputs = stage.reads()
    return Program("net", [stage], inputs, outputs)


def kinds(program: Program) -> dict[str, int]:
    """How many nodes of each kind the stages have."""
    return dict(Counter(type(e).__name__ for s in program.stages for e in s.expressions()))


def stored_maps(program: Program, image: Array) -> dict[str, Array]:
    """Everything the program stores, [C, H, W], bits as bool, by buffer; `image` is its only input."""
    stored = {program.inputs[0].name: image}
    for stage in program.stages:
        for b, value in zip(stage.outputs, evaluate(stage, stored), strict=True):
            stored[b.name] = stored_form(b, value)
    return stored


def in_form(b: Buffer, value: Array) -> Array:
    """A map as `b` holds it: scale*x + shift."""
    return value if b.encoding.is_exact else b.encoding.encode(value)


def assert_same_stages(before: Program, after: Program, image: Array, tolerance: float = 1e-6) -> None:
    """Every stage of `after`, given `before`'s maps in the form its buffers have, stores what `before` stores.

    (Stage by stage, so that a sign that rounding flips in one does not show in all that follow.)
    """
    maps = stored_maps(before, image.astype(np.float64))
    given = {b.name: in_form(b, maps[b.name]) for b in after.buffers()}
    assert [[b.name for b in s.outputs] for s in before.stages] == [[b.name for b in s.outputs] for s in after.stages]
    assert all(b.encoding.is_exact or b.encoding.decode(maps[b.name]) is not None for b in before.buffers())
    for old, new in zip(before.stages, after.stages, strict=True):
        for b, expected, found in zip(new.outputs, evaluate(old, maps), evaluate(new, given), strict=True):
            if b.encoding.is_exact and np.abs(found - expected).max() > tolerance * np.abs(expected).max():
                # another value of the same sign
                found, expected = (b.encoding.encode(v) for v in (found, expected))
            wanted = in_form(b, expected)
            np.testing.assert_allclose(
                found, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max(), err_msg=b.name
            )
