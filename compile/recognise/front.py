# SPDX-License-Identifier: Apache-2.0
"""The front stage: normalise, rewrite in phases, prove. A file that needs none imports nothing of the rewriter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx
import onnx.shape_inference
import onnx.version_converter

from ...ops import DOMAIN
from ..errors import CompileError
from ..frontend import OnnxModel, import_onnx
from ..frontend.importer import DOMAINS
from ..frontend.loader import QUANTIZER_DOMAINS, RECOGNISED_FROM, first_line
from ..frontend.obstacles import MOST, ObstaclesError
from ..frontend.shapes import DEFAULT_SIZE
from ..ir.limits import MAX_DOT_TAPS
from ..refusals import recognition
from .rewriting import FOREIGN, in_our_operators, rewrite_graph

if TYPE_CHECKING:
    import onnx_ir as ir

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
    refuse_unknown(model, size or DEFAULT_SIZE, sign_of_zero)
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
    from .prove import prove

    done = rewrite_graph(model, size, sign_of_zero)
    refuse_left(done.graph, model.path)
    if not done.rewrites:
        return Recognised(model, done.table, done.context.lines())
    rewritten = in_our_operators(model, done.graph, sign_of_zero)
    return Recognised(rewritten, done.table, done.context.lines(), prove(done.original, rewritten, done.context))


def refuse_unknown(model: OnnxModel, size: tuple[int, int], sign_of_zero: int | None) -> None:
    """Raise CompileError where operators are of no domain that is known: nothing could be proved of such a file. Other
    layers that cannot be compiled are named with them."""
    known = DOMAINS | {f.domain for f in model.proto.functions}
    found = [
        f"layer '{node.name or node.output[0]}' ({node.domain}::{node.op_type})"
        for node in model.proto.graph.node
        if node.domain not in known
    ]
    if found:
        others = obstacles_of(model, size, sign_of_zero)
        if others is not None and len(others.found) > len(found):
            raise others
        more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
        raise CompileError(
            f"{model.path}: operators of unknown domains: {', '.join(found[:MOST])}{more}; export it with standard "
            f"operators, those of {', '.join(QUANTIZER_DOMAINS)}, or with their bodies as functions of the model",
            recognition.DOMAIN,
        )


def obstacles_of(model: OnnxModel, size: tuple[int, int], sign_of_zero: int | None) -> ObstaclesError | None:
    """All layers of a file that cannot be compiled, whose operators of unknown domains stay as they are while the
    others are rewritten; None where it cannot be said."""
    from .patterns import PHASES
    from .steps import DOMAIN as STEPS

    patterns = {(domain, op) for phase in PHASES for p in phase for domain in p.domains for op in p.op_types}
    try:
        graph = rewrite_graph(model, size, sign_of_zero).graph
        import_onnx(in_our_operators(model, graph, sign_of_zero), None, {*patterns, (STEPS, "Steps")})
    except ObstaclesError as e:
        return e
    except (CompileError, *UNFIT):  # which it would end with next, were these layers known
        return None
    return None


def refuse_left(graph: ir.Model, path: str) -> None:
    """Raise CompileError where a binarized value is no map, so that nothing was made of it."""
    from .steps import DOMAIN as STEPS

    left = [node.outputs[0] for node in graph.graph if node.domain == STEPS]
    if left:
        found = "; ".join(f"'{value.name}' is of shape {value.shape}" for value in left[:MOST])
        raise CompileError(
            f"{path}: {found}: binarized maps [1, C, H, W], and vectors made of such, are supported", recognition.NO_MAP
        )
