# SPDX-License-Identifier: Apache-2.0
"""The table of convolutions: each layer of the file, binary or float, and why."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from ...ops import DOMAIN
from .binary_parts import binary_parts
from .patterns.base import label
from .steps import steps_of
from .values import constant, made_by
from .weights import looks_binary

LAYERS = ("Conv", "Gemm", "MatMul", "ConvTranspose")


@dataclass(frozen=True)
class Row:
    """A convolution: its layer in the file, whether it is binary, why, and whether it looked binary and is not."""

    layer: str
    is_binary: bool
    why: str
    is_suspect: bool = False


def before(model: ir.Model) -> list[tuple[str, str, tuple[int, ...]]]:
    """(layer, operator, shape of its weights) of all convolutions and fully connected layers."""
    return [
        (label(node), node.op_type, tuple(w.shape))
        for node in model.graph
        if node.op_type in LAYERS and not node.domain
        for w in [constant(node.inputs[1])]
        if w is not None
    ]


def row_of(node: ir.Node) -> Row:
    """The row of a convolution when patterns have made steps of what they could."""
    found = binary_parts(node)
    if not isinstance(found, str):
        _, steps, weights, _, _ = found
        size = "x".join(map(str, weights.bits.shape))
        return Row(label(node), True, f"weights {size}, {steps.count + 1} levels of activations")
    weight = constant(node.inputs[1])
    on_steps = steps_of(node.inputs[0]) is not None or (
        (pad := made_by(node.inputs[0], "Pad")) is not None and steps_of(pad.inputs[0]) is not None
    )
    two_valued = weight is not None and weight.ndim == 4 and looks_binary(weight)
    if two_valued and not on_steps:
        return Row(label(node), False, "its weights are binary, its activations are not (BinaryConnect)", True)
    if on_steps:
        return Row(label(node), False, f"its activations are binarized, but {found}", True)
    return Row(label(node), False, found)


def rows(model: ir.Model) -> list[Row]:
    """The rows of all convolutions, those that the file has as com.biisnet operators among them."""
    return [
        row_of(node) if not node.domain else Row(label(node), True, "as the file has it")
        for node in model.graph
        if (node.domain, node.op_type) in (("", "Conv"), (DOMAIN, "BinaryConv2d"))
    ]
