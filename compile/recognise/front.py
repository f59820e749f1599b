# SPDX-License-Identifier: Apache-2.0
"""The front stage: normalise, rewrite in phases, prove. A file that needs none imports nothing of the rewriter."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import onnx
import onnx.shape_inference
import onnx.version_converter

from ...ops import DOMAIN, REGISTRY, VERSION
from ..errors import CompileError
from ..frontend import OnnxModel
from ..frontend.loader import QUANTIZER_DOMAINS, RECOGNISED_FROM, SIGN_OF_ZERO, first_line
from ..frontend.obstacles import MOST
from ..frontend.shapes import DEFAULT_SIZE
from ..ir.limits import MAX_DOT_TAPS
from ..refusals import recognition

if TYPE_CHECKING:
    import onnx_ir as ir

    from .patterns import Context, Phase
    from .table import Row


@dataclass(frozen=True)
class Recognised:
    """A model in com.biisnet operators; its convolutions; lines for the user. All empty where nothing was to do."""

    model: OnnxModel
    table: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    proof: str = ""

    def lines(self) -> list[str]:
        """All of it for a person."""
        if not self.table and not self.notes:
            return []
        width = max((len(r.layer) for r in self.table), default=0)
        found = [f"  {r.layer:{width}}  {'binary' if r.is_binary else 'float '}  {r.why}" for r in self.table]
        taken = sum(r.is_binary for r in self.table)
        head = f"layers  {taken} of {len(self.table)} convolutions are binary"
        suspects = [f"note: '{r.layer}' looks binary and is not: {r.why}" for r in self.table if r.is_suspect]
        proved = [f"proved  {self.proof}"] if self.proof else []
        return [head, *found, *(f"note: {n}" for n in self.notes), *suspects, *proved]


FOREIGN = frozenset({"ArgMax", "Dropout", "Flatten", "Gemm", "GlobalAveragePool", "Greater", "GreaterOrEqual",
                     "LayerNormalization", "Less", "LessOrEqual", "LogSoftmax", "MatMul", "ReduceMean", "Sign",
                     "Softmax", "TopK", "Transpose"})  # fmt: skip
"""Standard operators that only patterns know what to do with."""


def is_ours(proto: onnx.ModelProto) -> bool:
    """Whether a file is in com.biisnet operators, and no others that patterns are for."""
    domains = {n.domain for n in proto.graph.node}
    shapes = {t.name: tuple(t.dims) for t in proto.graph.initializer}
    foreign = (n.op_type in FOREIGN or is_wide(n, shapes) for n in proto.graph.node)
    return DOMAIN in domains <= {"", DOMAIN} and not any(foreign)


def is_wide(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether a node, with the shapes of its constants, is a BinaryConv2d of more taps than an accumulator holds."""
    if (node.domain, node.op_type) != (DOMAIN, "BinaryConv2d") or len(node.input) < 2:
        return False
    channels = next((a.i for a in node.attribute if a.name == "channels"), 0)
    return channels * math.prod(shapes.get(node.input[1], ())[2:]) > MAX_DOT_TAPS


def recognise(model: OnnxModel, size: tuple[int, int] | None, sign_of_zero: int | None = None) -> Recognised:
    """`model` in com.biisnet operators, at a size where it has none itself. Raises CompileError."""
    if is_ours(model.proto) or RECOGNISED_FROM in model.metadata:
        return Recognised(model)
    refuse_unknown(model)
    try:
        return rewrite(model, size or DEFAULT_SIZE, sign_of_zero)
    except CompileError:
        raise
    except UNFIT as e:
        raise CompileError(f"{model.path}: its layers do not fit together: {first_line(e)}", recognition.UNFIT) from e


UNFIT = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    onnx.shape_inference.InferenceError,
    onnx.version_converter.ConvertError,
)
"""Errors by which ONNX and its rewriter say that attributes and shapes do not belong together."""


def rewrite(model: OnnxModel, size: tuple[int, int], sign_of_zero: int | None) -> Recognised:
    """The work of `recognise` on a foreign file; raises whatever its parts raise."""
    from .channels_first import settle_inputs, settle_outputs
    from .choices import without_choices
    from .normalise import has_float16, settled, to_ir
    from .patterns import BINARY, LAYOUT, REST, STEPS, ZERO, Context
    from .prove import prove
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
    settle_outputs(graph, context)
    rewrites += run(graph, context, model.path, ZERO)
    table = tuple(rows(graph))
    rewrites += run(graph, context, model.path, BINARY)
    rewrites += run(graph, context, model.path, REST)
    refuse_left(graph, model.path)
    if not rewrites:
        return Recognised(model, table, context.lines())
    proto = finished(graph, model, sign_of_zero)
    data = proto.SerializeToString(deterministic=True)
    digest = hashlib.sha256(data).hexdigest()
    rewritten = replace(model, proto=proto, data=data, sha256=digest, called=model.name)
    return Recognised(rewritten, table, context.lines(), prove(original, rewritten, context))


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


def refuse_unknown(model: OnnxModel) -> None:
    """Raise CompileError where operators are of no domain that is known: nothing could be proved of such a file."""
    known = {"", "ai.onnx", DOMAIN, *QUANTIZER_DOMAINS, *(f.domain for f in model.proto.functions)}
    found = [
        f"layer '{node.name or node.output[0]}' ({node.domain}::{node.op_type})"
        for node in model.proto.graph.node
        if node.domain not in known
    ]
    if found:
        more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
        raise CompileError(
            f"{model.path}: operators of unknown domains: {', '.join(found[:MOST])}{more}; export it with standard "
            f"operators, those of {', '.join(QUANTIZER_DOMAINS)}, or with their bodies as functions of the model",
            recognition.DOMAIN,
        )


def refuse_left(graph: ir.Model, path: str) -> None:
    """Raise CompileError where a binarized value is no map, so that nothing was made of it."""
    from .steps import DOMAIN as STEPS

    left = [node.outputs[0] for node in graph.graph if node.domain == STEPS]
    if left:
        found = "; ".join(f"'{value.name}' is of shape {value.shape}" for value in left[:MOST])
        raise CompileError(
            f"{path}: {found}: binarized maps [1, C, H, W], and vectors made of such, are supported", recognition.NO_MAP
        )


ROUNDS = 100
"""Most times that a phase is repeated: a Transpose moves by one operator each time."""


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
    proto.functions.extend(REGISTRY[name].function() for name in REGISTRY if name in used)
    standard = next((o for o in proto.opset_import if o.domain in ("", "ai.onnx")), None)
    del proto.opset_import[:]
    proto.opset_import.append(onnx.helper.make_opsetid("", standard.version if standard else 18))
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
