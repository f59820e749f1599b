# SPDX-License-Identifier: Apache-2.0
"""Names that a person can read for an exported graph's nodes and values.

    node_conv2d_7 -> encoder.0.1.binary                the operator that a module is
    node_add_29   -> encoder.0.1.binary.add            another node in that module
    val_6         -> upsample.1.resize.scales          an operator's constant input
    val_9         -> threshold                         a constant that several operators share

A node's output has the node's name; several outputs get an index. Stack traces, local paths and everything
else that the exporter remembers about its source is removed.
"""

import ast
from collections import Counter

from onnx import GraphProto, NodeProto, defs

from biisnet.ops import DOMAIN, OPSET

SCOPES = "pkg.torch.onnx.name_scopes"


def name_by_module(graph: GraphProto) -> None:
    """Rename nodes, values and constants of a graph by torch's exporter, in place; not inputs and outputs.

    Raises ValueError where the exporter has not recorded from which module a node comes.
    """
    kept = {value.name for value in (*graph.input, *graph.output)}
    constants = {initializer.name for initializer in graph.initializer}
    renamed: dict[str, str] = {}
    uses = Counter(value for node in graph.node for value in node.input)
    taken: Counter[str] = Counter()
    modules: dict[str, str] = {}
    for node in graph.node:
        module = _module(node, modules)
        modules.update(dict.fromkeys(node.output, module))
        whole = node.domain == DOMAIN or node.op_type == "Conv"
        name = module if whole else f"{module}.{node.op_type.lower()}".lstrip(".")
        taken[name] += 1
        node.name = name if taken[name] == 1 else f"{name}.{taken[name]}"
        for index, value in enumerate(node.input):
            if value in constants and value not in renamed and (uses[value] > 1 or "." not in value):
                formal = _formal_input(node, index, value)
                constant = f"{node.name}.{formal}"
                if uses[value] > 1:
                    constant = formal if node.domain == DOMAIN else f"{node.op_type.lower()}.{formal}"
                taken[constant] += 1
                renamed[value] = constant if taken[constant] == 1 else f"{constant}.{taken[constant]}"
        for index, value in enumerate(node.output):
            if value not in kept:
                renamed[value] = node.name if len(node.output) == 1 else f"{node.name}.{index}"
    for node in graph.node:
        node.input[:] = [renamed.get(value, value) for value in node.input]
        node.output[:] = [renamed.get(value, value) for value in node.output]
        node.doc_string = ""
        del node.metadata_props[:]
    for initializer in graph.initializer:
        initializer.name = renamed.get(initializer.name, initializer.name)
    for value_info in (*graph.input, *graph.output, *graph.initializer):
        value_info.doc_string = ""
        del value_info.metadata_props[:]
    graph.doc_string = ""
    del graph.metadata_props[:]
    # shapes follow from the inputs' by inference; those of the exporter carry its internal symbols
    del graph.value_info[:]


def _module(node: NodeProto, modules: dict[str, str]) -> str:
    """The path of the module whose forward emitted the node; "" for the network's own.

    `modules` has those of the values so far: a Split is put together from torch's chunks by the exporter,
    which records no path for it, and belongs to its input's module.
    """
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            scopes = ast.literal_eval(entry.value)
            return str(scopes[-2]) if len(scopes) > 1 else ""
    if node.op_type == "Split" and node.input[0] in modules:
        return modules[node.input[0]]
    raise ValueError(f"node {node.name} ({node.op_type}) has no module path: torch's exporter has changed")


def _formal_input(node: NodeProto, index: int, value: str) -> str:
    """The operator's name of its input; torch's constants of our operators have that name at their end."""
    if node.domain == DOMAIN:
        return value.rpartition(".")[2]
    inputs = defs.get_schema(node.op_type, OPSET, node.domain).inputs
    return inputs[min(index, len(inputs) - 1)].name.lower()
