# SPDX-License-Identifier: Apache-2.0
"""Outputs that are a choice among scores: the scores are given instead, from which whoever reads them chooses.

    ArgMax(x), TopK(x, k), and what casts or reshapes their result   ->   x

A bundle's task then is classification, whose reader names the classes of the largest scores. It is done to the file
itself, before anything else, so that the proof is of the scores.
"""

from __future__ import annotations

import onnx

CHOICES = ("ArgMax", "TopK")
PASSED_ON = ("Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")
"""Operators that may stand between a choice and the output."""


def without_choices(proto: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, str]]:
    """(a copy whose outputs are scores, what is said of each output that changed); the same where none did."""
    makers = {o: node for node in proto.graph.node for o in node.output if not node.domain}
    found = {o.name: node for o in proto.graph.output if (node := choice_of(o.name, makers)) is not None}
    if not found:
        return proto, {}
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    graph, notes = model.graph, dict[str, str]()
    outputs = list(graph.output)
    given = {o.name: o.name for o in outputs if o.name not in found}
    added: list[onnx.NodeProto] = []
    del graph.output[:]
    for output in outputs:
        node = found.get(output.name)
        if node is None:
            graph.output.append(output)
            continue
        scores = node.input[0]
        if scores in given:  # an output of its own, or that of another choice (TopK has values and indices)
            notes[output.name] = f"left out: '{given[scores]}' is the scores that {node.op_type} chooses among"
            continue
        given[scores] = output.name
        notes[output.name] = f"the scores that {node.op_type} chooses among, not the choice"
        graph.output.append(onnx.helper.make_tensor_value_info(output.name, onnx.TensorProto.FLOAT, None))
        added.append(onnx.helper.make_node("Identity", [scores], [output.name]))
    rest = [n for n in graph.node if not found.keys() & set(n.output)]
    kept = needed(rest, set(given))
    del graph.node[:]
    graph.node.extend([*kept, *added])
    del graph.value_info[:]
    inferred = {o.name: o for o in onnx.shape_inference.infer_shapes(model).graph.output}
    for output in graph.output:  # the scores' shape is said nowhere in the file
        output.CopyFrom(inferred[output.name])
    return model, notes


def choice_of(value: str, makers: dict[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The ArgMax or TopK whose result an output is."""
    node = makers.get(value)
    while node is not None and node.op_type in PASSED_ON:
        node = makers.get(node.input[0])
    if node is None or node.op_type not in CHOICES:
        return None
    largest = next((a.i for a in node.attribute if a.name == "largest"), 1)
    return node if largest else None  # the smallest are no class's scores


def needed(nodes: list[onnx.NodeProto], values: set[str]) -> list[onnx.NodeProto]:
    """The nodes that make values, and what those are made of, in their order."""
    wanted, kept = set(values), list[onnx.NodeProto]()
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]
