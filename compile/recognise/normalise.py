# SPDX-License-Identifier: Apache-2.0
"""A foreign file before patterns look at it: one size, one opset, one type of float, constants computed.

symbolic batch, height and width      settled
weights among the inputs              constants alone
float16 weights (or all of it)        widened to float32, exactly
operators of Brevitas, QONNX, FINN    with bodies and opset imports
below opset 18                        raised by ONNX's own converter
"""

from __future__ import annotations

import re

import numpy as np
import onnx
import onnx.inliner
import onnx_ir as ir
import onnx_ir.passes.common as passes
from onnx import numpy_helper, version_converter
from onnxscript.optimizer import fold_constants_ir

from ...ops import DOMAIN
from ..errors import CompileError
from ..frontend.loader import first_line
from ..refusals import recognition
from . import foreign_ops
from .values import constant, evaluate_node

FEW = 64
"""Elements of a ConstantOfShape that is computed: numbers for a Pad, not a map."""
LIMIT = 1 << 26
"""Most elements of a constant that is computed."""
FLOAT, FLOAT16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


def settled(proto: onnx.ModelProto, size: tuple[int, int], path: str) -> onnx.ModelProto:
    """A copy that ONNX Runtime runs: static input shapes, opset 18 or newer, bodies of foreign operators, no float16.

    Raises CompileError where ONNX's converter refuses it.
    """
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    widen(model)
    known = {t.name for t in model.graph.initializer}
    images = [i for i in model.graph.input if i.name not in known]
    del model.graph.input[:]
    model.graph.input.extend(images)
    for value in model.graph.input:
        settle(value, size)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    rename(model.graph)
    for node in model.graph.node:
        node.name = node.name or next(iter(node.output), "")  # what lines call it, which IR would number
    own = [(f.domain, f.name) for f in model.functions if f.domain in (DOMAIN, *foreign_ops.DOMAINS)]
    if len(own) < len(model.functions):
        model = onnx.inliner.inline_selected_functions(model, own, exclude=True)
    foreign_ops.name_roundings(model, path)
    foreign_ops.add_bodies(model)
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if opset < foreign_ops.OPSET:
        functions = list(model.functions)
        try:
            model = version_converter.convert_version(model, foreign_ops.OPSET)
        except (RuntimeError, version_converter.ConvertError) as e:
            raise CompileError(
                f"{path}: is of opset {opset} and cannot be raised to {foreign_ops.OPSET} ({first_line(e)}); export it "
                f"with opset {foreign_ops.OPSET} or newer",
                recognition.OPSET,
            ) from e
        del model.functions[:]
        model.functions.extend(functions)
        del model.graph.value_info[:]
    # functions (version 8) and what the com.biisnet bodies need
    model.ir_version = max(model.ir_version, 8)
    return model


def settle(value: onnx.ValueInfoProto, size: tuple[int, int]) -> None:
    """Give a symbolic batch 1, and symbolic height and width the size; channels first unless only the last is fixed."""
    dims = value.type.tensor_type.shape.dim
    symbolic = [i for i, d in enumerate(dims) if not d.HasField("dim_value")]
    if len(dims) in (2, 4) and 0 in symbolic:
        dims[0].dim_value = 1
    sides = [i for i in symbolic if i > 0]
    if len(dims) == 4 and len(sides) == 2 and sides in ([2, 3], [1, 2]):
        for i, side in zip(sides, size, strict=True):
            dims[i].dim_value = side
    elif len(dims) == 4 and len(sides) == 1 and sides[0] in (2, 3):
        dims[sides[0]].dim_value = size[sides[0] - 2]


def rename(graph: onnx.GraphProto) -> None:
    """Give values called val_1 and so on, as the rewriter calls its own, other names; not inputs and outputs."""
    fixed = {v.name for v in (*graph.input, *graph.output)}
    taken = (
        fixed | {n for node in graph.node for n in (*node.input, *node.output)} | {t.name for t in graph.initializer}
    )

    def name(old: str) -> str:
        new = f"file_{old}"
        while new in taken:
            new += "_"
        return new

    names = {n: name(n) for n in taken - fixed if re.fullmatch(r"val_\d+", n)}
    for node in graph.node:
        node.input[:] = [names.get(n, n) for n in node.input]
        node.output[:] = [names.get(n, n) for n in node.output]
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)


def widen(model: onnx.ModelProto) -> None:
    """float16 tensors, inputs, outputs and casts become float32."""
    graph = model.graph
    for tensor in graph.initializer:
        widen_tensor(tensor)
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type == FLOAT16:
            value.type.tensor_type.elem_type = FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                widen_tensor(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == FLOAT16:
                attribute.i = FLOAT


def widen_tensor(tensor: onnx.TensorProto) -> None:
    """One tensor in place."""
    if tensor.data_type == FLOAT16:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))


def has_float16(proto: onnx.ModelProto) -> bool:
    """Whether a file has anything to widen."""
    return any(t.data_type == FLOAT16 for t in proto.graph.initializer) or any(
        v.type.tensor_type.elem_type == FLOAT16 for v in (*proto.graph.input, *proto.graph.output)
    )


def to_ir(proto: onnx.ModelProto) -> ir.Model:
    """The graph with shapes, its constants computed, nothing in it twice."""
    model = ir.from_proto(onnx.shape_inference.infer_shapes(proto, data_prop=True))
    model.functions.clear()  # which patterns would look at too
    tidied(model)
    fold_foreign(model)
    fold_constants_ir(
        model, onnx_shape_inference=True, input_size_limit=LIMIT, output_size_limit=LIMIT, should_fold=is_short
    )
    passes.CommonSubexpressionEliminationPass()(model)
    return tidied(model)


def is_short(node: ir.Node) -> bool | None:
    """Whether a node is computed that onnxscript leaves alone: a ConstantOfShape of few elements, of which PyTorch's
    older exporter makes the pads of each F.pad. None for what is not for this to say."""
    if node.domain or node.op_type != "ConstantOfShape":
        return None
    shape = constant(node.inputs[0])
    return None if shape is None or np.prod(shape.astype(float)) > FEW else True


def tidied(model: ir.Model) -> ir.Model:
    """Without Identities and unused nodes, constants as initializers."""
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passes.IdentityEliminationPass()(model)
    passes.RemoveUnusedNodesPass()(model)
    return model


def fold_foreign(model: ir.Model) -> None:
    """Compute quantizers of constants: weights that are binarized in the graph."""
    for node in list(model.graph):
        if node.domain not in foreign_ops.DOMAINS or node.op_type not in foreign_ops.TEXTS:
            continue
        inputs = [constant(i) for i in node.inputs]
        if any(a is None for a, i in zip(inputs, node.inputs, strict=True) if i is not None):
            continue
        found = evaluate_node(node, inputs)
        if found is not None:
            value = node.outputs[0]
            made = ir.Value(name=value.name, const_value=ir.tensor(found[0], name=value.name))
            made.shape, made.type = ir.Shape(found[0].shape), ir.TensorType(ir.DataType.FLOAT)
            value.replace_all_uses_with(made)
            model.graph.remove(node)
            model.graph.register_initializer(made)
