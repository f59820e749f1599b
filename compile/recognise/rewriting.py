# SPDX-License-Identifier: Apache-2.0
"""The rewriting of a foreign file: normalised, in phases, as a file in com.biisnet operators again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import onnx

from ...ops import DOMAIN, OPSET, REGISTRY, VERSION
from ..errors import CompileError
from ..frontend import OnnxModel
from ..frontend.loader import RECOGNISED_FROM, SIGN_OF_ZERO
from ..refusals import recognition

if TYPE_CHECKING:
    import onnx_ir as ir

    from .patterns import Context, Phase
    from .table import Row

FOREIGN = frozenset({"ArgMax", "Dropout", "Flatten", "Gemm", "GlobalAveragePool", "Greater", "GreaterOrEqual",
                     "LayerNormalization", "Less", "LessOrEqual", "LogSoftmax", "MatMul", "ReduceMean", "Sign",
                     "Softmax", "TopK", "Transpose"})  # fmt: skip
"""Standard operators that only patterns know what to do with."""
ROUNDS = 100
"""Most times that a phase is repeated: a Transpose moves by one operator each time."""


@dataclass
class Rewriting:
    """A file as ONNX Runtime runs it, its graph in com.biisnet operators as far as it could be brought, its
    convolutions, what there is to say, and how often something was rewritten."""

    original: onnx.ModelProto
    graph: ir.Model
    context: Context
    table: tuple[Row, ...] = ()
    rewrites: int = 0


def rewrite_graph(model: OnnxModel, size: tuple[int, int], sign_of_zero: int | None) -> Rewriting:
    """All phases; what no pattern is for stays as it is."""
    from .channels_first import settle_inputs, settle_outputs
    from .choices import without_choices
    from .normalise import has_float16, settled, to_ir
    from .patterns import BINARY, LAYOUT, REST, STEPS, ZERO, Context
    from .table import rows

    chosen, choices = without_choices(model.proto)
    original = settled(chosen, size, model.path)
    graph, context = to_ir(original), Context(sign_of_zero)
    for output, what in choices.items():
        context.note(output, what)
    # what constants were computed of, the importer computes too; but not a Dropout, say
    gone = {n.op_type for n in original.graph.node} & FOREIGN - {n.op_type for n in graph.graph}
    rewrites = int(has_float16(model.proto) or bool(gone) or bool(choices))
    while True:
        rewrites += run(graph, context, model.path, LAYOUT)
        if not settle_inputs(graph, context):
            break
        rewrites += 1
    rewrites += run(graph, context, model.path, LAYOUT, STEPS)
    rewrites += settle_outputs(graph, context)
    rewrites += run(graph, context, model.path, ZERO)
    table = tuple(rows(graph))
    rewrites += run(graph, context, model.path, BINARY)
    rewrites += run(graph, context, model.path, REST)
    return Rewriting(original, graph, context, table, rewrites)


def run(graph: ir.Model, context: Context, path: str, *phases: Phase) -> int:
    """Apply the patterns of phases until none is met any more; how often they were."""
    from onnxscript.rewriter import RewriteRuleSet

    from .normalise import tidied

    rules = RewriteRuleSet([r for phase in phases for p in phase for r in p.rules(context)])
    total = 0
    for _ in range(ROUNDS):
        count = rules.apply_to_model(graph)
        if not count:
            return total
        total += count
        tidied(graph)
    raise CompileError(f"{path}: its patterns do not come to an end; report this file", recognition.ENDLESS)


def in_our_operators(model: OnnxModel, graph: ir.Model, sign_of_zero: int | None) -> OnnxModel:
    """The model whose graph was rewritten, as a file of its own."""
    proto = finished(graph, model, sign_of_zero)
    data = proto.SerializeToString(deterministic=True)
    digest = hashlib.sha256(data).hexdigest()
    return replace(model, proto=proto, data=data, sha256=digest, called=model.name)


def finished(graph: ir.Model, model: OnnxModel, sign_of_zero: int | None) -> onnx.ModelProto:
    """The file: bodies of our operators, metadata of the original and where it is from."""
    import onnx_ir as ir
    import onnx_ir.passes.common as passes

    passes.TopologicalSortPass()(graph)
    passes.NameFixPass()(graph)
    for value in graph.graph.outputs:
        value.metadata_props.clear()
    passes.ClearMetadataAndDocStringPass()(graph)
    proto = ir.to_proto(graph)
    used = {n.op_type for n in proto.graph.node if n.domain == DOMAIN}
    standard = next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), OPSET)
    for name in (name for name in REGISTRY if name in used):
        function = proto.functions.add()
        function.CopyFrom(REGISTRY[name].function())
        function.opset_import[0].version = standard  # the checker wants a file to be of one version
    del proto.opset_import[:]
    proto.opset_import.append(onnx.helper.make_opsetid("", standard))
    if used:  # of a file that had some already, the version that it was written in
        version = max([VERSION, *(o.version for o in model.proto.opset_import if o.domain == DOMAIN)])
        proto.opset_import.append(onnx.helper.make_opsetid(DOMAIN, version))
    domains = sorted({n.domain for n in proto.graph.node} - {"", DOMAIN})
    proto.opset_import.extend(onnx.helper.make_opsetid(d, 1) for d in domains)
    del proto.graph.value_info[:]
    del proto.metadata_props[:]
    told = {**model.metadata, RECOGNISED_FROM: model.sha256}
    if sign_of_zero is not None:
        told[SIGN_OF_ZERO] = f"{sign_of_zero:+d}"
    for key, value_of in sorted(told.items()):
        proto.metadata_props.add(key=key, value=value_of)
    return proto
