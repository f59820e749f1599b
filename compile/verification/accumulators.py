"""Reads the integer accumulators out of the shipped machine code, to compare them without exception.

A kernel's constants are data, so the very code of the bundle is run with others: every scale 1, every shift 0,
both slopes 1, and every float map zero. What a binary convolution's stage then stores is its accumulator.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..kernels.reference import evaluate
from ..kernels.row_kernel import build
from ..passes.build_kernels import Step
from ..program import Add, BinaryDot, Expr, Leaky, Load, ScaleShift, Sigmoid, Spread, Stage
from .onnx_reference import OnnxReference
from .stages import Device, run_step, stored_form

Array = npt.NDArray


def transparent(e: Expr, done: dict[int, Expr]) -> Expr:
    """The expression with all element-wise work made the identity."""
    if id(e) not in done:
        ones, zeros = np.ones(e.channels, np.float32), np.zeros(e.channels, np.float32)
        match e:
            case ScaleShift():
                new: Expr = ScaleShift(e.channels, transparent(e.x, done), ones, zeros)
            case Leaky():
                new = Leaky(e.channels, transparent(e.x, done), ones, ones)
            case Add():
                new = Add(e.channels, transparent(e.a, done), transparent(e.b, done))
            case Spread() | Sigmoid():
                new = replace(e, x=transparent(e.x, done))
            case _:
                new = e
        done[id(e)] = new
    return done[id(e)]


def readable(stage: Stage) -> bool:
    """Whether the stage's accumulators can be read: it has a binary convolution, otherwise only loads and
    element-wise work, and stores a float32 map."""
    kinds = {type(e) for e in stage.expressions()}
    return (
        BinaryDot in kinds
        and kinds <= {BinaryDot, Load, ScaleShift, Leaky, Add, Spread}
        and any(b.dtype == "float32" for b in stage.outputs)
    )


def check_accumulators(
    device: Device, index: int, step: Step, reference: dict[str, Array], onnx: OnnxReference
) -> tuple[int, int, dict[str, Array]]:
    """(accumulators compared, accumulators that differ, the tensors) of one stage, on the reference's maps."""
    stage = step.stage
    done: dict[int, Expr] = {}
    probe = replace(stage, branches=tuple(transparent(e, done) for e in stage.branches))
    parameters = build(probe, "kernel").parameters.to_bytes()
    inputs = {}
    for op in step.operands:
        value = stored_form(op.buffer, reference[op.buffer.value])
        inputs[op.buffer.name] = value if op.buffer.dtype == "bits" else np.zeros_like(value)
    outputs = run_step(device, index, step, inputs, parameters)
    found = next(v for b, v in outputs.items() if b.dtype == "float32")
    expected = evaluate(probe, inputs)
    dots = [e for e in stage.expressions() if isinstance(e, BinaryDot)]
    if len(dots) == 1:
        source = reference[dots[0].buffer.value]
        by_onnx = next((a for layer in stage.layers if (a := onnx.accumulators(layer, source)) is not None), expected)
        differ = (found != expected) | (found != by_onnx)
    else:
        differ = found != expected
    return found.size, int(differ.sum()), {"device accumulators": found, "reference accumulators": expected, **inputs}
