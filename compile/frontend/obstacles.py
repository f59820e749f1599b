# SPDX-License-Identifier: Apache-2.0
"""All layers of a file that cannot be compiled, in one refusal: nobody wants to learn of them one by one.

After a layer that cannot be converted the import goes on with a stand-in of the shape that ONNX infers, so that what
comes after it is looked at too. Where the shape is not known, only whether there is such an operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import onnx
from tvm import relax

from ..errors import CompileError

MOST = 12
"""Layers that are named; of more, how many there are."""


class ObstaclesError(CompileError):
    """All layers that cannot be compiled; `found` has a clause for each, with its code."""

    def __init__(self, path: str, found: Sequence[str]) -> None:
        self.found = tuple(found)
        more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
        head = f"{len(found)} layers cannot be compiled: " if len(found) > 1 else ""
        super().__init__(f"{path}: {head}{'; '.join(found[:MOST])}{more}")


class Obstacles:
    """What is wrong with the layers of a graph whose input has a shape."""

    def __init__(self, path: str, proto: onnx.ModelProto, shape: Sequence[int]) -> None:
        self.path, self.proto, self.shape = path, proto, shape
        self.found: list[str] = []
        self.unknown: set[str] = set()
        """Values that nothing is known of."""

    def add(self, error: CompileError, node: onnx.NodeProto) -> dict[str, relax.Var]:
        """Keep what is wrong with a node; stand-ins for its outputs, as far as their shapes are known."""
        self.found.append(str(error).removeprefix(f"{self.path}: "))
        stand_ins = {
            o: relax.Var(o, relax.TensorType(self.shapes[o], "float32")) for o in node.output if o in self.shapes
        }
        self.unknown |= {o for o in node.output if o not in stand_ins}
        return stand_ins

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the maps that ONNX infers."""
        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        constants = {t.name for t in model.graph.initializer}
        for value in model.graph.input:
            if value.name not in constants:
                for dim, side in zip(value.type.tensor_type.shape.dim, self.shape, strict=True):
                    dim.dim_value = side
        try:
            graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
            return {}
        found = {v.name: v.type.tensor_type for v in (*graph.value_info, *graph.output)}
        shapes = {n: tuple(d.dim_value for d in t.shape.dim) for n, t in found.items() if t.elem_type == 1}
        return {n: s for n, s in shapes.items() if len(s) == 4 and min(s) > 0}

    def error(self) -> ObstaclesError:
        """All of them on a line; one alone as it is."""
        return ObstaclesError(self.path, self.found)
