# SPDX-License-Identifier: Apache-2.0
"""ONNX file -> what its model is for: by its metadata property `task`, else by its shapes and its last operators.

| task | a model that ends in | from its input [1, C, H, W] to |
|---|---|---|
| detection | Sigmoid | [1, 1, H, W], C = 1 |
| classification | anything | [1, N, 1, 1] |
| segmentation | Sigmoid or Softmax | [1, N, H, W] |
| map | anything | anything |
"""

from __future__ import annotations

import onnx

from ...runtime.signature import DETECTION, Signature
from ..errors import CompileError
from ..ir.signature import signature_of
from ..ir.stages import Program
from .loader import Model


def find_signature(model: Model, program: Program) -> Signature:
    """The signature of `model` at the size of `program`. Raises CompileError where its metadata says another task than
    its shapes allow."""
    task = model.task or infer_task(signature_of(program), last_operators(model.proto.graph))
    signature = signature_of(program, task, model.threshold if task == DETECTION else None)
    if task == DETECTION and not signature.is_plane_to_plane:
        raise CompileError(
            f"{model.path}: its metadata says task 'detection', which is from one plane to one of its size; it is from "
            f"{shapes(signature.inputs)} to {shapes(signature.outputs)}; state another task"
        )
    return signature


def infer_task(signature: Signature, last: list[str]) -> str:
    """The task of tensors whose outputs are made by the operators `last`."""
    if len(signature.inputs) != 1:
        return "map"
    (source,) = signature.inputs
    probable = set(last) <= {"Sigmoid", "Softmax"}
    if signature.is_plane_to_plane and set(last) == {"Sigmoid"}:
        return DETECTION
    if all(output.size == (1, 1) for output in signature.outputs):
        return "classification"
    if probable and all(output.size == source.size and output.shape[1] > 1 for output in signature.outputs):
        return "segmentation"
    return "map"


def last_operators(graph: onnx.GraphProto) -> list[str]:
    """The operator that makes each output of a graph; what only passes values on is looked through."""
    makers = {output: node for node in graph.node for output in node.output}

    def operator(value: str) -> str:
        node = makers.get(value)
        while node is not None and node.op_type == "Identity" and not node.domain:
            node = makers.get(node.input[0])
        return "" if node is None or node.domain else node.op_type

    return [operator(output.name) for output in graph.output]


def shapes(tensors: tuple) -> str:
    """Shapes for a person."""
    return " and ".join(str(list(t.shape)) for t in tensors)
