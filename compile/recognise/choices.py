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
    graph, notes = model.graph, {}
    outputs = list(graph.output)
    del graph.output[:]
    given: dict[str, str] = {}
    for output in outputs:
        node = found.get(output.name)
        if node is None:
            graph.output.append(output)
            continue
        if node.input[0] in given:  # values and indices of one TopK
            notes[output.name] = f"it is left out: '{given[node.input[0]]}' has the scores that it chooses among"
            continue
        given[node.input[0]] = output.name
        notes[output.name] = f"the scores that {node.op_type} chooses among, not the choice"
        scores = onnx.helper.make_tensor_value_info(output.name, onnx.TensorProto.FLOAT, None)
        graph.output.append(scores)
    nodes = [n for n in graph.node if not set(n.output) & found.keys()]
    kept = needed(nodes, {*(o.name for o in graph.output if o.name not in found), *given})
    del graph.node[:]
    graph.node.extend(kept)
    graph.node.extend(onnx.helper.make_node("Identity", [x], [name]) for x, name in given.items())
    del graph.value_info[:]
    return model, notes


def choice_of(value: str, makers: dict[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The ArgMax or TopK whose result an output is."""
    node = makers.get(value)
    while node is not None and node.op_type in PASSED_ON:
        node = makers.get(node.input[0])
    return node if node is not None and node.op_type in CHOICES else None


def needed(nodes: list[onnx.NodeProto], values: set[str]) -> list[onnx.NodeProto]:
    """The nodes that make values, and what those are made of, in their order."""
    wanted, kept = set(values), []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]
