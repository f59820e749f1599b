# SPDX-License-Identifier: Apache-2.0
"""ONNX file -> what its model is for: by its metadata property `task`, else by its shapes and its last operators.

| task | a model that ends in | from its input [1, C, H, W] to |
|---|---|---|
| detection | Sigmoid, or logits in integers | [1, 1, H, W], C = 1 |
| classification | anything | [1, N, 1, 1] |
| segmentation | Sigmoid or Softmax | [1, N, H, W] |
| map | anything | anything |

Logits in integers are outputs of an integer network whose metadata says `com.biisnet.logit_scale`: the real logit is
that times the value.
"""

from __future__ import annotations

from dataclasses import replace

import onnx

from ...runtime.signature import CLASSIFICATION, DETECTION, SEGMENTATION, Signature, Tensor
from ..errors import CompileError
from ..ir.signature import signature_of
from ..ir.stages import Program
from ..refusals import images
from .loader import LOGIT_SCALE, OnnxModel


def find_signature(model: OnnxModel, program: Program) -> Signature:
    """The signature of `model` at the size of `program`. Raises CompileError where its metadata says another task than
    its shapes allow."""
    scale = model.logit_scale
    last = last_operators(model.proto.graph) if scale is None else ["Sigmoid"] * len(program.outputs)
    task = model.task or infer_task(signature_of(program), last)
    signature = signature_of(program, task, scale)
    if task == DETECTION:
        signature = replace(signature, threshold=model.threshold, scores=model.scores)
    if task == SEGMENTATION and not is_probable(last):
        signature = replace(signature, outputs=tuple(replace(t, meaning="scores") for t in signature.outputs))
    check_scales(model.path, signature, scale)
    if task == CLASSIFICATION and any(output.size != (1, 1) for output in signature.outputs):
        raise CompileError(
            f"{model.path}: its task is said to be classification, whose output is scores [1, N] or [1, N, 1, 1]; it "
            f"is from {shapes(signature.inputs)} to {shapes(signature.outputs)}; state another task",
            images.TASK_SHAPE,
        )
    if task == DETECTION and not signature.is_plane_to_plane:
        raise CompileError(
            f"{model.path}: its task is said to be detection, which is from one plane to one of its size; it is from "
            f"{shapes(signature.inputs)} to {shapes(signature.outputs)}; state another task, and leave --threshold and "
            "--scores, which say so too, out",
            images.TASK_SHAPE,
        )
    return signature


def check_scales(path: str, signature: Signature, scale: float | None) -> None:
    """Raise CompileError where a model states a scale and has no logits, or has them and states none."""
    if any(t.has_scale for t in signature.outputs) == (scale is not None):
        return
    if scale is None:
        raise CompileError(
            f"{path}: its metadata states no {LOGIT_SCALE}, which goes with logits in integers; export it again",
            images.LOGITS,
        )
    raise CompileError(
        f"{path}: its metadata has {LOGIT_SCALE}, and no output is a logit in integers; export it again", images.LOGITS
    )


def infer_task(signature: Signature, last: list[str]) -> str:
    """The task of tensors whose outputs are made by the operators `last`."""
    if len(signature.inputs) != 1:
        return "map"
    (source,) = signature.inputs
    probable = is_probable(last)
    if signature.is_plane_to_plane and set(last) == {"Sigmoid"}:
        return DETECTION
    if all(output.size == (1, 1) for output in signature.outputs):
        return "classification"
    if probable and all(output.size == source.size and output.shape[1] > 1 for output in signature.outputs):
        return "segmentation"
    return "map"


def is_probable(last: list[str]) -> bool:
    """Whether outputs that these operators make are probabilities."""
    return set(last) <= {"Sigmoid", "Softmax"}


def last_operators(graph: onnx.GraphProto) -> list[str]:
    """The operator that makes each output of a graph; what only passes values on is looked through."""
    makers = {output: node for node in graph.node for output in node.output}

    def operator(value: str) -> str:
        node = makers.get(value)
        while node is not None and node.op_type == "Identity" and not node.domain:
            node = makers.get(node.input[0])
        if node is not None and is_softmax(node, makers):
            return "Softmax"
        return "" if node is None or node.domain else node.op_type

    return [operator(output.name) for output in graph.output]


def is_softmax(node: onnx.NodeProto, makers: dict[str, onnx.NodeProto]) -> bool:
    """Whether a node is the last of a softmax in parts (compile/recognise): exponentials over their sum."""
    if node.op_type != "Div" or node.domain or len(node.input) != 2:
        return False
    above, below = (makers.get(i) for i in node.input)
    if above is None or below is None or (above.op_type, below.op_type) != ("Exp", "ReduceSum"):
        return False
    return below.input[0] == node.input[0]


def shapes(tensors: tuple[Tensor, ...]) -> str:
    """Shapes for a person."""
    return " and ".join(str(list(t.shape)) for t in tensors)
