# SPDX-License-Identifier: Apache-2.0
"""The proof: original and rewritten network in ONNX Runtime, on random and extreme inputs.

Both are cut where a value is binarized, or a map averaged, and given the same numbers there: an error cannot hide
behind an earlier layer, and one of rounding cannot flip a sign and spread. Between two cuts there is one layer, and its
values must agree within the rounding of its sums (closeness.py). The numbers are random, and those at which a step can
go wrong (feeds.py), within what the values before allow: after Relu none is below 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import numpy_helper

from ...ops import DOMAIN
from ..errors import CompileError
from ..frontend import OnnxModel
from ..onnx_runtime import Cut
from ..refusals import recognition
from . import foreign_ops
from .closeness import TOLERANCE, Closeness
from .feeds import feeds
from .patterns.base import Context
from .ranges import range_of

Array = npt.NDArray[Any]
CLAMPS = {"Relu", "Clip", "LeakyRelu", "PRelu"}
MANY = 16
"""Pixels of an average whose numbers of both signs would cancel."""


def prove(original: onnx.ModelProto, rewritten: OnnxModel, context: Context) -> str:
    """Run both; one line for the user. Raises CompileError where they differ, or ONNX Runtime refuses one."""
    cuts = find_cuts(original, rewritten.proto, context)
    ends = [o.name for o in rewritten.proto.graph.output]
    file_names = {context.aliases.get(name, (name, None))[0] for name in (*ends, *(c.name for c in cuts))}
    before = {y: x for y, x in before_clamps(original).items() if y in file_names}
    left = cut_at(original, {c.file_name for c in cuts}, rewritten.path, also=before.values())
    right = cut_at(rewritten.proto, {c.name for c in cuts}, rewritten.path)
    inputs = [(i.name, shape_of(i), i.type.tensor_type.elem_type) for i in images_of(original)]
    compared: dict[tuple[str, str], Closeness] = {}
    runs = 0
    for kind, feed, at_cuts in feeds(inputs, cuts, context.is_approximate, context.never):
        theirs = left.run({**feed, **{c.file_name: c.to_file(v) for c, v in zip(cuts, at_cuts, strict=True)}})
        given = {n: as_ours(context, n, v) for n, v in feed.items()}
        ours = right.run({**given, **{c.name: v for c, v in zip(cuts, at_cuts, strict=True)}})
        for name in (*ends, *(c.name for c in cuts)):
            file_name, perm = context.aliases.get(name, (name, None))
            expected, found = theirs[file_name] if name in ends else theirs.get(file_name), ours[name]
            if expected is not None:
                of_kind = compared.setdefault((name, kind), Closeness())
                terms = theirs[before[file_name]] if file_name in before else expected
                of_kind.add(arranged(expected, perm, found.shape), found, arranged(terms, perm, found.shape))
        runs += 1
    differences = [(closeness.worst(), name) for (name, _), closeness in compared.items()]
    worst, name = max(differences, key=lambda d: d[0], default=(0.0, ""))
    if worst > TOLERANCE:
        raise CompileError(
            f"{rewritten.path}: rewriting it in com.biisnet operators changes '{name}' by {worst:.1e} of its largest "
            "value; report this file, or give it in com.biisnet operators",
            recognition.PROOF,
        )
    return (
        f"the original and the rewritten network in ONNX Runtime: {runs} runs, cut at {len(cuts)} maps, "
        f"differ by at most {worst:.1e} of the largest value"
    )


def arranged(value: Array, perm: tuple[int, ...] | None, shape: tuple[int, ...]) -> Array:
    """The file's value in our layout."""
    moved = value if perm is None or len(perm) != value.ndim else value.transpose(perm)
    return moved.reshape(shape) if moved.size == int(np.prod(shape)) else moved


def as_ours(context: Context, name: str, value: Array) -> Array:
    """A graph's input in our layout and type."""
    perm = context.aliases.get(name, (name, None))[1]
    return np.ascontiguousarray(value.transpose(perm) if perm else value).astype(np.float32)


class Where:
    """A cut: a value that is binarized, its name here and in the file, and what may stand there."""

    def __init__(self, name: str, file_name: str, perm: tuple[int, ...] | None, thresholds: Array) -> None:
        self.name, self.file_name, self.perm, self.thresholds = name, file_name, perm, thresholds
        self.file_shape: tuple[int, ...] = ()
        self.shape: tuple[int, ...] = ()
        self.range = (-np.inf, np.inf)
        self.is_integer = False

    def to_file(self, value: Array) -> Array:
        """Our value in the file's layout."""
        if self.perm is not None and len(self.perm) == value.ndim:
            return np.ascontiguousarray(value.transpose(np.argsort(self.perm)))
        return value.reshape(self.file_shape)


def find_cuts(original: onnx.ModelProto, rewritten: onnx.ModelProto, context: Context) -> list[Where]:
    """Arguments of all BinaryConv2d, and maps of many pixels that are averaged, that the file has too, and that are not
    its inputs."""
    constants = {t.name: t for t in rewritten.graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(original, data_prop=True)
    shapes = {v.name: shape_of(v) for v in (*inferred.graph.value_info, *inferred.graph.output)}
    ours = onnx.shape_inference.infer_shapes(rewritten)
    own_shapes = {v.name: shape_of(v) for v in (*ours.graph.value_info, *ours.graph.output)}
    inputs = {i.name for i in rewritten.graph.input}
    graph = ir.from_proto(ours)
    values = {v.name: v for node in graph.graph for v in node.outputs}
    theirs = {o for node in original.graph.node for o in node.output}
    makers = {o: node for node in rewritten.graph.node for o in node.output}
    cuts: dict[str, Where] = {}

    def file_name_of(name: str) -> str:
        return context.aliases.get(name, (name, None))[0]

    for node in rewritten.graph.node:
        if node.domain != DOMAIN or node.op_type != "BinaryConv2d":
            continue
        name, beside = node.input[0], 1
        maker = makers.get(name)
        if maker is not None and maker.op_type == "Concat" and len(set(maker.input)) == 1:  # a map beside itself
            name, beside = maker.input[0], len(maker.input)
        first = 0
        if maker is not None and maker.op_type == "Split" and constants.keys() & {*maker.input[1:]}:  # some channels
            sizes = numpy_helper.to_array(constants[maker.input[1]])
            first, name = int(sizes[: list(maker.output).index(name)].sum()), maker.input[0]
        if name in inputs:
            continue
        # of signs that are pooled the file has no map: it is that of numbers before the pool
        while file_name_of(name) not in theirs and name in makers and makers[name].op_type == "MaxPool":
            name = makers[name].input[0]
        file_name, perm = context.aliases.get(name, (name, None))
        if name in inputs or name not in own_shapes or file_name not in theirs:
            continue
        threshold = numpy_helper.to_array(constants[node.input[6]])
        cut = cuts.setdefault(name, Where(name, file_name, perm, np.zeros((0, 1), np.float32)))
        rows = threshold.reshape(beside, -1) if threshold.size > 1 else threshold.reshape(1, 1)
        if first and threshold.size > 1:
            rows = np.pad(rows, ((0, 0), (first, 0)))
        if rows.shape[1] > 1:
            rows = np.pad(rows, ((0, 0), (0, own_shapes[name][1] - rows.shape[1])))
        channels = max(cut.thresholds.shape[1], rows.shape[1])
        cut.thresholds = np.concatenate([np.broadcast_to(t, (len(t), channels)) for t in (cut.thresholds, rows)])
        cut.range = range_of(values[name])
    for name in averaged(rewritten):
        file_name, perm = context.aliases.get(name, (name, None))
        if name in cuts or name in inputs or name not in own_shapes or file_name not in theirs:
            continue
        cuts[name] = Where(name, file_name, perm, np.zeros((0, 1), np.float32))
        low, high = range_of(values[name])
        # of one sign: of both the mean is nothing beside what it is the mean of, and so is what rounding makes of it
        cuts[name].range = (max(low, 0.0), high) if high > 0 else (low, high)
    for name, cut in cuts.items():
        cut.shape, known = own_shapes[name], shapes.get(cut.file_name, ())
        cut.file_shape = known if known and min(known) > 0 else cut.shape
    return [c for c in cuts.values() if np.prod(c.shape) == np.prod(c.file_shape)]


def averaged(model: onnx.ModelProto) -> list[str]:
    """Maps whose averages are those of MANY pixels and more, in one window or in one of another's averages."""
    windows = {n.input[0]: n for n in model.graph.node if n.op_type == "AveragePool"}
    inner = {n.output[0] for n in windows.values()}

    def pixels(node: onnx.NodeProto) -> int:
        own = next((int(np.prod(a.ints)) for a in node.attribute if a.name == "kernel_shape"), 1)
        return own * (pixels(windows[node.output[0]]) if node.output[0] in windows else 1)

    return [name for name, node in windows.items() if name not in inner and pixels(node) >= MANY]


def before_clamps(proto: onnx.ModelProto) -> dict[str, str]:
    """Values that a clamp leaves little of, and the float32 values that it was given: their terms are as large as
    these."""
    known = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph.value_info
    floats = {v.name for v in known if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    clamps = (n for n in proto.graph.node if n.op_type in CLAMPS and n.input[0] in floats)
    return {n.output[0]: n.input[0] for n in clamps}


def cut_at(proto: onnx.ModelProto, names: set[str], path: str, also: Iterable[str] = ()) -> Cut:
    """A network cut at some of its values, with bodies for the operators that ONNX Runtime lacks; `also` are outputs,
    too. Raises CompileError."""
    known = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph.value_info
    shapes = {v.name: known_shape(v) for v in (*known, *proto.graph.output)}
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    foreign_ops.add_bodies(model)
    return Cut(model, {name: shapes[name] for name in names}, path, also=also, as_written=True)


def images_of(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that are no constants."""
    constants = {t.name for t in proto.graph.initializer}
    return [i for i in proto.graph.input if i.name not in constants]


def shape_of(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """A static shape."""
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def known_shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    """A static shape; None where ONNX could not infer it."""
    shape = shape_of(value)
    return shape if shape and min(shape) > 0 else None
