# SPDX-License-Identifier: Apache-2.0
"""ONNX graph -> Relax function: one converter an operator (converters.py), constants computed on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
import tvm
from onnx import numpy_helper
from tvm import relax
from tvm.ir import Expr

from ...ops import DOMAIN
from ..errors import CompileError
from ..ir.limits import MAX_OUTPUTS
from ..passes.relax_ops import dtype_of, shape_of
from ..refusals import files, images, layers, recognition
from . import (  # noqa: F401 (they register their converters)
    integer_converters,
    place_converters,
    pointwise_converters,
    window_converters,
)
from .converters import CONVERTERS, Node, UnsupportedError
from .loader import QUANTIZER_DOMAINS, OnnxModel, first_line
from .obstacles import Obstacles
from .shapes import DTYPES, evaluate, input_shape

DOMAINS = {"", "ai.onnx", DOMAIN, *QUANTIZER_DOMAINS}
"""Domains whose operators have a meaning here."""
TAKES_BYTES = {"Cast", "ConvInteger", "Identity", "Pad", "Slice"}
"""Operators that a uint8 image may be given to."""
Value: TypeAlias = Expr | npt.NDArray[Any] | None
"""The meaning of a name of the graph: a Relax variable, a constant, or an input that is left out."""


def import_onnx(model: OnnxModel, size: tuple[int, int] | None, left: Collection[tuple[str, str]] = ()) -> tvm.IRModule:
    """The model as a Relax module with one function `main`, each variable named as the ONNX value it is.

    Before: an ONNX model with `com.biisnet` ops, height and width perhaps symbolic. After: static shapes, our
    Relax operators. Raises CompileError naming the layers whose operators cannot be lowered. `left` are those, by
    domain and name, that may be left of a file whose rewriting could not be finished: where nothing is known of what
    they read, they are no obstacle.
    """
    graph = model.proto.graph
    opset = next((o.version for o in model.proto.opset_import if o.domain in ("", "ai.onnx")), 0)
    shape = input_shape(graph, size, model.path)
    values: dict[str, Value] = {"": None}
    values |= {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    source = next(i for i in graph.input if i.name not in values)
    name, dtype = source.name, DTYPES[source.type.tensor_type.elem_type]
    image = relax.Var(name, relax.TensorType(shape, dtype))
    values[name] = image
    builder = relax.BlockBuilder()
    problem: CompileError | None = None
    obstacles = Obstacles(model.path, model.proto, shape)
    with builder.function("main", [image]):
        with builder.dataflow():
            for node in graph.node:
                try:
                    if obstacles.unknown.isdisjoint(node.input):
                        add_node(builder, node, values, model, opset)
                    else:
                        obstacles.unknown.update(node.output)
                        if (node.domain, node.op_type) not in left:
                            converter_of(node, model.path)
                except CompileError as e:
                    values |= obstacles.add(e, node)
            try:
                if obstacles.found:
                    raise obstacles.error()
                outputs = [builder.emit_output(r) for r in results_of(graph, values, model.path)]
            except CompileError as e:  # kept until the builder is done: it writes warnings where it is left open
                problem, outputs = e, [image]
        builder.emit_func_output(outputs[0] if len(outputs) == 1 else relax.Tuple(outputs))
    if problem:
        raise problem
    # Relax's names are identifiers; stages and errors speak of the ONNX values
    names = {v.name: n for n, v in values.items() if isinstance(v, relax.Var)}
    reads = {o: [i for i in node.input if isinstance(values[i], Expr)] for node in graph.node for o in node.output}
    outputs_named = [o.name for o in graph.output]
    return builder.get().with_attrs({"onnx_names": names, "onnx_outputs": outputs_named, "onnx_reads": reads})


def results_of(graph: onnx.GraphProto, values: dict[str, Value], path: str) -> list[Expr]:
    """The graph's outputs. Raises CompileError where one is a constant, or there are more than a plan has."""
    if len(graph.output) > MAX_OUTPUTS:
        raise CompileError(f"{path}: has {len(graph.output)} outputs; {MAX_OUTPUTS} are supported", images.OUTPUTS)
    results = [values.get(o.name) for o in graph.output]
    if not all(isinstance(r, Expr) for r in results):
        raise CompileError(
            f"{path}: an output does not depend on the image; nothing to compile", images.CONSTANT_OUTPUT
        )
    return [r for r in results if isinstance(r, Expr)]


def label_of(node: onnx.NodeProto) -> str:
    """A node's name, or that of its result."""
    return node.name or (node.output[0] if node.output else node.op_type)


def converter_of(node: onnx.NodeProto, path: str) -> Callable[[Node], list[Expr]]:
    """The converter of a node's operator. Raises CompileError where there is none."""
    convert = CONVERTERS.get((node.domain, node.op_type))
    if convert is None:
        domain = f"{node.domain}::" if node.domain else ""
        if node.domain not in DOMAINS:
            raise CompileError(
                f"{path}: layer '{label_of(node)}': operator {domain}{node.op_type} is of a domain that is not known; "
                "export it with standard operators, or with its body as a function of the model",
                recognition.DOMAIN,
            )
        why = "is not supported"
        if node.op_type in layers.SUPPORTED:
            why = "is not supported in this form, or behind a layer that is not"
        raise CompileError(
            f"{path}: layer '{label_of(node)}': operator {domain}{node.op_type} {why}; "
            "`biisnet explain BN301` names those that are",
            layers.OPERATOR,
        )
    return convert


def add_node(
    builder: relax.BlockBuilder, node: onnx.NodeProto, values: dict[str, Value], model: OnnxModel, opset: int
) -> None:
    """Convert one node, or compute it where its inputs are constant."""
    label = label_of(node)
    try:
        convert_node(builder, node, label, values, model, opset)
    except CompileError:
        raise
    except UnsupportedError as e:
        refusal = e.refusal or layers.OF_OPERATOR.get(node.op_type, layers.RESTRICTED)
        raise CompileError(f"{model.path}: layer '{label}' ({node.op_type}): {e}", refusal) from e
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        # what TVM, ONNX's reference or numpy say of attributes and shapes that do not belong together
        raise CompileError(
            f"{model.path}: layer '{label}' ({node.op_type}): its inputs or attributes do not fit: {first_line(e)}",
            layers.UNFIT,
        ) from e


def convert_node(
    builder: relax.BlockBuilder,
    node: onnx.NodeProto,
    label: str,
    values: dict[str, Value],
    model: OnnxModel,
    opset: int,
) -> None:
    """The work of `add_node`, by the node's converter; raises whatever that raises."""
    inputs = [values[i] for i in node.input]
    if node.op_type == "Shape" and not node.domain and isinstance(inputs[0], Expr):
        inputs = [np.broadcast_to(np.float32(0), shape_of(inputs[0]))]
    arrays = [i for i in inputs if not isinstance(i, Expr)]
    if not node.domain and len(arrays) == len(inputs):
        constants = dict(zip(node.output, evaluate(node, arrays, opset), strict=True))
        if any(c.dtype.kind == "f" and not np.isfinite(c).all() for c in constants.values()):
            raise CompileError(
                f"{model.path}: constant '{label}' has NaN or infinite values; train or export it again",
                files.NOT_FINITE,
            )
        values |= constants
        return
    convert = converter_of(node, model.path)
    if node.op_type not in TAKES_BYTES and any(isinstance(i, Expr) and dtype_of(i) == "uint8" for i in inputs):
        raise UnsupportedError("its input is uint8; float32 is supported, or a Cast of the image", layers.BYTES)
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    results = convert(Node(label, inputs, attributes, len(node.output)))
    for output, result in zip(node.output, results, strict=True):
        values[output] = emitted = builder.emit(result, name_hint=output)
        if min(shape_of(emitted)) < 1:
            raise UnsupportedError(f"its window does not fit: the result is {shape_of(emitted)}", layers.WINDOW)
