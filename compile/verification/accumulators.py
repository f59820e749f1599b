# SPDX-License-Identifier: Apache-2.0
"""Reads the integer accumulators out of the shipped machine code, to compare them without exception.

A kernel's constants are data, so the very code of the bundle is run with others: every scale 1, every shift 0,
both slopes 1, no bend, and every float map zero. What a binary convolution's stage then stores is its accumulator.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy.typing as npt

from ...targets.cores import Core
from ..ir.expressions import Expr
from ..ir.stages import Stage
from ..ir.steps import Step
from ..kernels import BinaryDot
from ..kernels.reference import evaluate
from ..kernels.row_kernel import build
from ..passes.rewriting import rewrite
from .device import Device
from .onnx_reference import OnnxReference
from .stages import run_step

Array = npt.NDArray[Any]


def with_identity_epilogue(stage: Stage) -> Stage | None:
    """The stage with all element-wise work made the identity; None where there is work that cannot be."""
    if any(e.identity() is None for e in stage.expressions()):
        return None
    done: dict[int, Expr] = {}
    results = [tuple(rewrite(e, lambda e: e.identity() or e, done) for e in branches) for branches in stage.results]
    return replace(stage, results=results)


def is_binary(stage: Stage) -> bool:
    """Whether the stage has a binary convolution."""
    return stage.work.binary > 0


def readable(stage: Stage) -> bool:
    """Whether its accumulators can be read: beside binary convolutions it has only loads and element-wise work, and it
    stores a map of numbers."""
    return with_identity_epilogue(stage) is not None and any(not b.encoding.is_exact for b in stage.outputs)


def place_of(branches: tuple[Expr, ...], dot: BinaryDot) -> slice | None:
    """Channels of a stored map that a binary convolution's accumulators are in: those of its branch, of the branches
    that are concatenated. None where it is in none."""

    def holds(e: Expr) -> bool:
        return e is dot or any(holds(c) for c in e.children())

    first = 0
    for branch in branches:
        if holds(branch):
            return slice(first, first + branch.channels) if branch.channels == dot.channels else None
        first += branch.channels
    return None


def check_accumulators(
    device: Device, core: Core, index: int, step: Step, reference: dict[str, Array], onnx: OnnxReference
) -> tuple[int, int, dict[str, Array]]:
    """(accumulators compared, accumulators that differ, the tensors) of one stage, on the reference's maps."""
    stage = step.stage
    probe = with_identity_epilogue(stage)
    assert probe is not None
    parameters = build(probe, "kernel", core, step.schedule).parameters.to_bytes()
    inputs = {}
    for op in step.operands:
        encoding = op.buffer.encoding
        inputs[op.buffer.name] = encoding.silence(encoding.encode(reference[op.buffer.value]))
    outputs = run_step(device, index, step, inputs, parameters)
    n, buffer = next((n, b) for n, b in enumerate(stage.outputs) if not b.encoding.is_exact)
    found, expected = outputs[buffer], evaluate(probe, inputs)[n]
    differ = found != expected
    dots = [e for e in stage.expressions() if isinstance(e, BinaryDot)]
    layers = [n.output[0] for n in onnx.binary_layers() if n.output[0] in stage.layers]
    if len(dots) == 1:
        (layer,) = layers  # each binary convolution is asked of ONNX Runtime too
        by_onnx = onnx.accumulators(layer, reference[dots[0].buffer.value])
        place = place_of(stage.results[n], dots[0])
        if by_onnx is not None and place is not None:
            part = by_onnx[dots[0].first : dots[0].first + dots[0].channels]
            differ[place] |= (found[place] - dots[0].centre) * dots[0].unit != part
    tensors = {"device accumulators": found, "reference accumulators": expected, **inputs}
    return found.size, int(differ.sum()), tensors
