# SPDX-License-Identifier: Apache-2.0
"""A network that is cut: some of its values are given from outside to all that reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import onnx

from ..errors import CompileError
from ..refusals import recognition
from .session import session

Array = npt.NDArray[Any]
GIVEN = "/given"


class Cut:
    """A network whose float32 values `shapes` are inputs, too; what makes them gives an output of the same name."""

    def __init__(
        self,
        proto: onnx.ModelProto,
        shapes: Mapping[str, Sequence[int] | None],
        path: str,
        *,
        also: Iterable[str] = (),
        as_written: bool = False,
    ) -> None:
        """`shapes` are by name, None where one is not known; `also` are float32 values that are outputs and not cut;
        `as_written` as of `session`. Raises CompileError."""
        model = onnx.ModelProto()
        model.CopyFrom(proto)
        for node in model.graph.node:
            for i, name in enumerate(node.input):
                if name in shapes:
                    node.input[i] = name + GIVEN
        self.path, self.cuts = path, set(shapes)
        self.outputs = [o.name for o in model.graph.output]
        kind = onnx.TensorProto.FLOAT
        for name, shape in sorted(shapes.items()):
            model.graph.input.append(onnx.helper.make_tensor_value_info(name + GIVEN, kind, shape))
        for name in sorted({*shapes, *also} - {*self.outputs}):
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
            self.outputs.append(name)
        self.session = session(model, path, as_written=as_written)

    def run(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name; values that are cut go from `feed` to what reads them. Raises CompileError."""
        given = {name + GIVEN if name in self.cuts else name: value for name, value in feed.items()}
        try:
            return dict(zip(self.outputs, self.session.run(self.outputs, given), strict=True))
        except Exception as e:  # its exceptions have no class in common but this
            raise CompileError(
                f"{self.path}: ONNX Runtime cannot run it: {' '.join(str(e).split())[:300]}", recognition.RUNTIME
            ) from e
