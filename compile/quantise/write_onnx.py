# SPDX-License-Identifier: Apache-2.0
"""The integer network as an ONNX file: operators of com.biisnet version 2, their bodies, and the float file's
arithmetic on sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ...ops import DOMAIN, INTEGER_VERSION, OPSET, functions
from ...ops.requantize import INT8, INT16
from ..errors import CompileError
from ..frontend.loader import LOGIT_SCALE, OnnxModel
from ..refusals import integers
from .calibrate import Calibration
from .counts import Count
from .fit import Fitted
from .greys import Greys
from .maps import Map, Moved, Requantised, View, free_name
from .terms import Array, geometry

IR_VERSION = 10
LOGIT = "logit"


def write_onnx(model: OnnxModel, calibration: Calibration) -> onnx.ModelProto:
    """The file of a network that is calibrated: uint8 frames in, int16 logits out, sizes symbolic where the float
    file's are. Raises CompileError where a size depends on a value that the integer network has not."""
    structure = calibration.structure
    writer = OnnxWriter(model, calibration, structure.input_name)
    for m in structure.maps:
        writer.map(m)
    graph = writer.graph(structure.output)
    used = {node.op_type for node in graph.node if node.domain == DOMAIN}
    proto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, INTEGER_VERSION)],
        functions=[f for f in functions(INTEGER_VERSION) if f.name in used],
        ir_version=IR_VERSION,
        producer_name=model.proto.producer_name,
        producer_version=model.proto.producer_version,
        doc_string=f"{model.name}: target logit of every pixel of a grey infrared image, in integers",
    )
    helper.set_model_props(proto, dict(model.metadata) | {LOGIT_SCALE: repr(float(calibration.logit_scale))})
    return proto


class OnnxWriter:
    """The graph so far (`terms.Writer`)."""

    def __init__(self, model: OnnxModel, calibration: Calibration, input_name: str) -> None:
        self.model, self.calibration, self.input = model, calibration, input_name
        source = model.proto.graph
        self.makers = {output: node for node in source.node for output in node.output}
        self.weights = {t.name: t for t in source.initializer}
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.made: dict[Any, str] = {}
        self.copied: set[str] = set()
        self.names = {
            m: f"{m.name}.map" if m.name in (LOGIT, input_name) else m.name for m in calibration.structure.maps
        }

    # ---- what terms ask for ----

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def integer(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        return self.node(op, inputs, output, DOMAIN, **attributes)

    def constant(self, name: str, values: Array) -> str:
        self.constants.setdefault(name, numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def view(self, view: View) -> str:
        parts = [self.part(*part) for part in view.parts]
        if len(parts) == 1:
            return parts[0]
        if view not in self.made:
            name = self.free(f"{parts[0]}.twin" if len(set(parts)) == 1 else f"{parts[0]}.concat")
            self.made[view] = self.node("Concat", parts, name, axis=1)
        return self.made[view]

    def part(self, source: Map, start: int, stop: int) -> str:
        """The value that holds some channels of a map."""
        if (start, stop) == (0, source.channels):
            return self.names[source]
        if source not in self.made:
            self.split(source)
        return self.made[source, start, stop]

    def split(self, source: Map) -> None:
        """Cut a map wherever a reader wants it cut."""
        cuts = sorted({0, source.channels, *self.cuts(source)})
        sizes = np.diff(cuts)
        outputs = [self.free(f"{self.names[source]}.{i}") for i in range(len(sizes))]
        self.made[source] = f"{self.names[source]}.split"
        sizes_name = self.constant(f"{self.names[source]}.split.sizes", sizes.astype(np.int64))
        self.nodes.append(
            helper.make_node("Split", [self.names[source], sizes_name], outputs, name=self.made[source], axis=1)
        )
        for start, stop in ((a, b) for i, a in enumerate(cuts) for b in cuts[i + 1 :]):
            inside = outputs[cuts.index(start) : cuts.index(stop)]
            if len(inside) == 1:
                self.made[source, start, stop] = inside[0]
            elif (source, start, stop) in self.wanted(source):
                self.made[source, start, stop] = self.node(
                    "Concat", inside, self.free(f"{self.names[source]}.{start}_{stop}"), axis=1
                )

    def wanted(self, source: Map) -> Iterator[tuple[Map, int, int]]:
        """The parts of a map that readers want."""
        for m in self.calibration.structure.maps:
            yield from (part for view in m.views for part in view.parts if part[0] is source)

    def cuts(self, source: Map) -> Iterator[int]:
        """Channels at which readers want it cut."""
        return (c for _, start, stop in self.wanted(source) for c in (start, stop))

    def grey(self, source: Greys) -> str:
        name = self.input
        for layer in source.extended:
            name = self.resized(layer, name, layer)
        return name

    def count(self, count: Count, name: str) -> str:
        if count not in self.made:
            signs, thresholds = self.calibration.counts[count]
            given = [self.constant(f"{name}.weight", signs), self.constant(f"{name}.threshold", thresholds)]
            x = self.view(count.slopes.view)
            self.made[count] = self.integer(
                "IntegerBinaryConv2d", [x, *given], name, **geometry(count.window, count.group)
            )
        return self.made[count]

    # ---- maps ----

    def free(self, name: str) -> str:
        """A name that no node has."""
        return free_name(name, {o for node in self.nodes for o in node.output} | set(self.names.values()))

    def map(self, m: Map) -> None:
        """The nodes of a map."""
        name = self.names[m]
        if isinstance(m, Requantised):
            self.requantised(m, name, self.calibration.fitted[m])
        elif isinstance(m, Moved):
            x = self.view(m.source)
            if m.how == "upsample":
                self.integer("IntegerUpsample", [x], name)
            else:
                self.resized(m.layer, x, name)

    def requantised(self, m: Requantised, name: str, fitted: Fitted) -> None:
        """Terms, their sum, and what it becomes."""
        parts = []
        for i, (term, constants) in enumerate(zip(m.sum.terms, fitted.constants, strict=True)):
            kind = type(term).__name__.lower()
            alone = [type(t) for t in m.sum.terms].count(type(term)) == 1
            parts.append(term.write(self, constants, f"{name}.{kind}" if alone else f"{name}.{kind}.{i}"))
        total = parts[0]
        for i, part in enumerate(parts[1:]):
            total = self.node("Add", [total, part], f"{name}.sum" if i == len(parts) - 2 else f"{name}.sum.{i}")
        attributes: dict[str, int] = {"shift": fitted.shift, "to": INT8 if m.bits == 8 else INT16}
        self.integer("Requantize", [total, self.constant(f"{name}.b", fitted.b)], name, **attributes)

    def resized(self, layer: str, x: str, output: str) -> str:
        """The float network's Pad or Slice `layer`, of `x`."""
        if output in self.copied:
            return output
        self.copied.add(output)
        node = NodeProto()
        node.CopyFrom(self.makers[layer])
        for value in node.input[1:]:
            self.copy(value, layer)
        node.input[0], node.output[0], node.name = x, output, output
        self.nodes.append(node)
        return output

    def copy(self, value: str, layer: str) -> None:
        """The float network's arithmetic that makes a size."""
        if not value or value in self.copied:
            return
        self.copied.add(value)
        if value in self.weights:
            self.constants[value] = self.weights[value]
            return
        node = self.makers.get(value)
        held = {self.input, *self.names.values()}
        if node is None or (node.op_type == "Shape" and node.input[0] not in held):
            raise CompileError(
                f"{self.model.path}: layer '{layer}': its size is computed from '{node.input[0] if node else value}', "
                "which the integer network has not; export the network for a fixed size",
                integers.SIZE,
            )
        if node.op_type != "Shape":
            for source in node.input:
                self.copy(source, layer)
        self.copied |= set(node.output)
        self.nodes.append(node)

    def graph(self, output: Map) -> onnx.GraphProto:
        """The whole graph, its output named `logit`."""
        source = self.model.proto.graph
        (given,) = (i for i in source.input if i.name not in self.weights)
        (result,) = source.output
        for node in self.nodes:
            for values in (node.input, node.output):
                for i, value in enumerate(values):
                    if value == self.names[output]:
                        values[i] = LOGIT
        return helper.make_graph(
            self.nodes,
            source.name,
            [typed(given, self.input, TensorProto.UINT8)],
            [typed(result, LOGIT, TensorProto.INT16)],
            list(self.constants.values()),
        )


def typed(info: onnx.ValueInfoProto, name: str, kind: int) -> onnx.ValueInfoProto:
    """An input or output of the float file as one of another type."""
    new = onnx.ValueInfoProto()
    new.CopyFrom(info)
    new.name, new.type.tensor_type.elem_type = name, kind
    return new
