# SPDX-License-Identifier: Apache-2.0
"""Reads the integer accumulators out of the shipped machine code, to compare them without exception.

A kernel's constants are data, so the very code of the bundle is run with others: every scale 1, every shift 0,
both slopes 1, no bend, and every float map zero. What a binary convolution's stage then stores is its accumulator.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..ir.expressions import (
    Add,
    BinaryDot,
    Clamp,
    Constant,
    Expr,
    HingeAdd,
    Load,
    RepeatChannels,
    ScaleShift,
    Sigmoid,
    TwoSlope,
    TwoSlopeAdd,
)
from ..ir.stages import Stage
from ..ir.steps import Step
from ..kernels.reference import evaluate
from ..kernels.row_kernel import build
from .device import Device
from .onnx_reference import OnnxReference
from .stages import run_step, stored_form

Array = npt.NDArray


def with_identity_epilogue(e: Expr, done: dict[int, Expr]) -> Expr:
    """The expression with all element-wise work made the identity."""
    if id(e) not in done:
        ones, zeros = np.ones(e.channels, np.float32), np.zeros(e.channels, np.float32)
        match e:
            case ScaleShift():
                new: Expr = ScaleShift(e.channels, with_identity_epilogue(e.x, done), ones, zeros)
            case TwoSlope():
                new = TwoSlope(e.channels, with_identity_epilogue(e.x, done), ones, ones)
            case Clamp():
                new = Clamp(e.channels, with_identity_epilogue(e.x, done), -MOST * ones, MOST * ones)
            case TwoSlopeAdd():
                new = TwoSlopeAdd(
                    e.channels, with_identity_epilogue(e.x, done), with_identity_epilogue(e.y, done), ones, ones
                )
            case HingeAdd():
                new = HingeAdd(e.channels, e.x, with_identity_epilogue(e.y, done), ones, zeros, e.knee)
            case Constant():
                new = Constant(e.channels, zeros)
            case Add():
                new = Add(e.channels, with_identity_epilogue(e.a, done), with_identity_epilogue(e.b, done))
            case RepeatChannels() | Sigmoid():
                new = replace(e, x=with_identity_epilogue(e.x, done))
            case _:
                new = e
        done[id(e)] = new
    return done[id(e)]


MOST = np.finfo(np.float32).max

READABLE = {BinaryDot, Load, ScaleShift, TwoSlope, TwoSlopeAdd, HingeAdd, Constant, Add, RepeatChannels, Clamp}


def is_binary(stage: Stage) -> bool:
    """Whether the stage has a binary convolution."""
    return any(isinstance(e, BinaryDot) for e in stage.expressions())


def readable(stage: Stage) -> bool:
    """Whether its accumulators can be read: beside binary convolutions it has only loads and element-wise work,
    and it stores a float32 map."""
    return {type(e) for e in stage.expressions()} <= READABLE and any(b.dtype == "float32" for b in stage.outputs)


def check_accumulators(
    device: Device, index: int, step: Step, reference: dict[str, Array], onnx: OnnxReference
) -> tuple[int, int, dict[str, Array]]:
    """(accumulators compared, accumulators that differ, the tensors) of one stage, on the reference's maps."""
    stage = step.stage
    done: dict[int, Expr] = {}
    results = [tuple(with_identity_epilogue(e, done) for e in branches) for branches in stage.results]
    probe = replace(stage, results=results)
    parameters = build(probe, "kernel").parameters.to_bytes()
    inputs = {}
    for op in step.operands:
        value = stored_form(op.buffer, reference[op.buffer.value])
        inputs[op.buffer.name] = value if op.buffer.dtype == "bits" else np.zeros_like(value)
    outputs = run_step(device, index, step, inputs, parameters)
    n, buffer = next((n, b) for n, b in enumerate(stage.outputs) if b.dtype == "float32")
    found, expected = outputs[buffer], evaluate(probe, inputs)[n]
    differ = found != expected
    dots = [e for e in stage.expressions() if isinstance(e, BinaryDot)]
    layers = [n.output[0] for n in onnx.binary_layers() if n.output[0] in stage.layers]
    if len(dots) == 1:
        (layer,) = layers  # each binary convolution is asked of ONNX Runtime too
        by_onnx = onnx.accumulators(layer, reference[dots[0].buffer.value])
        if by_onnx is not None:
            part = by_onnx[dots[0].first : dots[0].first + dots[0].channels]
            differ |= (found - dots[0].centre) * dots[0].unit != part
    tensors = {"device accumulators": found, "reference accumulators": expected, **inputs}
    return found.size, int(differ.sum()), tensors
