# SPDX-License-Identifier: Apache-2.0
"""Small ONNX models, and what the front end makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from biisnet.compile.frontend import import_onnx
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.onnx_runtime import session
from biisnet.compile.passes.cut_stages import cut_stages
from biisnet.compile.pipeline import PROGRAM_PASSES, RELAX_PASSES
from biisnet.ops import DOMAIN, OPSET, REGISTRY, VERSION
from biisnet.targets.cores import GENERIC

from ..passes.graphs import stored_form

Array = npt.NDArray


def model_of(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, Array] | None = None,
    shape: Sequence[int | str | None] = (1, 4, 6, 10),
    outputs: Sequence[str] = ("y",),
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model of input `x` with these nodes, all of one type."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(o, kind, [1, "c", "rows", "columns"]) for o in outputs],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)]
    used = dict.fromkeys(n.op_type for n in nodes if n.domain == DOMAIN and n.op_type in REGISTRY)
    functions = [REGISTRY[name].function() for name in used]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10)


def node(
    op: str, *inputs: str, output: str | Sequence[str] = "y", domain: str = "", **attributes: Any
) -> onnx.NodeProto:
    """One node, named as its (first) output."""
    outputs = [output] if isinstance(output, str) else list(output)
    return helper.make_node(op, list(inputs), outputs, name=outputs[0], domain=domain, **attributes)


def compiled(proto: onnx.ModelProto, image: Array, size: tuple[int, int] | None = None) -> list[Array]:
    """What the compiler's stages compute from image [C, H, W]: the model's outputs [C, H, W]."""
    module = import_onnx(from_proto(proto, "net.onnx"), size)
    for relax_pass in RELAX_PASSES:
        module = relax_pass(module)
    program = cut_stages(module, "net", GENERIC)
    for program_pass in PROGRAM_PASSES:
        program = program_pass(program)
    stored = {program.inputs[0].name: image}
    for stage in program.stages:
        for b, value in zip(stage.outputs, evaluate(stage, stored), strict=True):
            assert value.shape == (b.channels, b.height, b.width)
            stored[b.name] = stored_form(b, value)
    return [stored[b.name] for b in program.outputs]


def onnx_runtime(proto: onnx.ModelProto, image: Array) -> list[Array]:
    """What stock ONNX Runtime computes."""
    return [r[0] for r in session(proto).run(None, {"x": image[None]})]
