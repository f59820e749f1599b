# SPDX-License-Identifier: Apache-2.0
"""Reads the integer accumulators out of the shipped machine code, to compare them without exception.

A kernel's constants are data, so the very code of the bundle is run with others: every scale 1, every shift 0,
both slopes 1, no bend, and every float map zero, or one where it is a factor. What a binary convolution's stage then
stores is its accumulator. One that stores signs alone is asked for it (thresholds.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto

from ...targets.cores import Core
from ..ir.buffers import Buffer
from ..ir.expressions import Expr
from ..ir.stages import Stage
from ..ir.steps import Step
from ..kernels import BinaryDot, Load, Multiply, Spread
from ..kernels.reference import evaluate
from ..kernels.row_kernel import build
from ..passes.rewriting import rewrite
from .device import Device
from .onnx_reference import OnnxReference
from .stages import run_step
from .thresholds import ask, movable

Array = npt.NDArray[Any]


def with_identity_epilogue(stage: Stage) -> Stage | None:
    """The stage with all element-wise work made the identity; None where there is work that cannot be."""
    if any(e.identity() is None for e in stage.expressions()) or factors(stage) is None:
        return None
    done: dict[int, Expr] = {}
    results = [tuple(rewrite(e, lambda e: e.identity() or e, done) for e in branches) for branches in stage.results]
    return replace(stage, results=results)


def factors(stage: Stage) -> set[Buffer] | None:
    """The maps that others are multiplied by, and that nothing else is done with: made 1, each leaves the other as it
    is. None where a product is of other things."""
    nodes = list(stage.expressions())
    uses = Counter(id(e) for e in (*chain(*(e.children() for e in nodes)), *chain(*stage.results[:1])))
    read = Counter(e.buffer for e in nodes if isinstance(e, (Load, Spread)))

    def own_map(e: Expr) -> Buffer | None:
        """The map that is read for this factor alone, through element-wise work at most."""
        while uses[id(e)] == 1 and len(e.children()) == 1:
            (e,) = e.children()
        return e.buffer if isinstance(e, (Load, Spread)) and uses[id(e)] == read[e.buffer] == 1 else None

    found: set[Buffer] = set()
    for product in (e for e in nodes if isinstance(e, Multiply)):
        sides = [side for part in product.children() if (side := own_map(part))]
        if not sides:
            return None
        found.add(sides[-1])
    return found


def is_binary(stage: Stage) -> bool:
    """Whether the stage has a binary convolution."""
    return stage.work.binary > 0


def readable(stage: Stage) -> bool:
    """Whether its accumulators can be read, or asked for: beside binary convolutions it has only loads and what leaves
    them alone, and it stores a map of numbers, or signs of which the threshold can be moved."""
    probe = with_identity_epilogue(stage)
    return probe is not None and (stores_numbers(stage) or movable(probe) is not None)


def stores_numbers(stage: Stage) -> bool:
    """Whether one of its outputs is a map of numbers."""
    return any(not b.encoding.is_exact for b in stage.outputs)


def place_of(branches: tuple[Expr, ...], dots: list[BinaryDot]) -> slice | None:
    """Channels of a stored map that the sum of binary convolutions' accumulators is in: those of their branch, of the
    branches that are concatenated. None where no branch has all of them."""

    def within(e: Expr) -> list[Expr]:
        return [e, *(x for c in e.children() for x in within(c))]

    first = 0
    for branch in branches:
        inner = within(branch)
        if all(any(e is d for e in inner) for d in dots):
            return slice(first, first + branch.channels) if branch.channels == dots[0].channels else None
        first += branch.channels
    return None


def sum_by_onnx(
    onnx: OnnxReference, layers: list[NodeProto], dots: list[BinaryDot], reference: dict[str, Array]
) -> Array | None:
    """The sum of the accumulators of a stage's binary convolutions by ONNX Runtime; None where they are not all layers
    of +-1 of the file, or not of one unit and the same channels."""
    if not dots or len(layers) != len(dots) or len({(d.unit, d.first, d.channels) for d in dots}) > 1:
        return None
    total: Array | None = None
    for layer in layers:
        x = reference.get(layer.input[0])
        found = None if x is None else onnx.accumulators(layer.output[0], x)
        if found is None:
            return None
        part = found[dots[0].first : dots[0].first + dots[0].channels]
        total = part if total is None else total + part
    return total


def check_accumulators(
    device: Device, core: Core, index: int, step: Step, reference: dict[str, Array], onnx: OnnxReference
) -> tuple[int, int, dict[str, Array]]:
    """(accumulators compared, accumulators that differ, the tensors) of one stage, on the reference's maps."""
    stage = step.stage
    probe = with_identity_epilogue(stage)
    ones = factors(stage)
    assert probe is not None
    assert ones is not None
    parameters = build(probe, "kernel", core, step.schedule).parameters.to_bytes()
    inputs = {}
    for op in step.operands:
        encoding = op.buffer.encoding
        silent = encoding.silence(encoding.encode(reference[op.buffer.value]))
        inputs[op.buffer.name] = np.ones_like(silent) if op.buffer in ones else silent
    values = evaluate(probe, inputs)
    if stores_numbers(stage):
        outputs = run_step(device, index, step, inputs, parameters)
        n, buffer = next((n, b) for n, b in enumerate(stage.outputs) if not b.encoding.is_exact)
        found, expected = outputs[buffer], values[n]
        compared, differ = np.ones(found.shape, bool), found != expected
    else:
        n, found = 0, values[0]  # signs say of each whether it is that
        expected = found
        compared, differ = ask(device, core, index, step, probe, inputs, expected)
    dots = [e for e in stage.expressions() if isinstance(e, BinaryDot)]
    layers = [layer for layer in onnx.binary_layers() if layer.output[0] in stage.layers]
    place, total = place_of(stage.results[n], dots), sum_by_onnx(onnx, layers, dots, reference)
    if total is not None and place is not None:  # each binary convolution is asked of ONNX Runtime too
        differ[place] |= (found[place] - sum(d.centre for d in dots)) * dots[0].unit != total
    tensors = {"device accumulators": found, "reference accumulators": expected, **inputs}
    return int((compared | differ).sum()), int(differ.sum()), tensors
