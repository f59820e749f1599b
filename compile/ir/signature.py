# SPDX-License-Identifier: Apache-2.0
"""Program -> the signature of its model: inputs and outputs as their user has them, and what they mean."""

from __future__ import annotations

from ...runtime.signature import DETECTION, Signature, Tensor
from .buffers import Buffer
from .stages import Program

OUTPUTS = {"map": "map", DETECTION: "mask", "segmentation": "mask", "classification": "scores"}
"""Task -> what the outputs mean."""


def signature_of(program: Program, task: str = "map", threshold: float | None = None) -> Signature:
    """The signature of a program for `task`; `threshold` is a detection's."""

    def tensors(buffers: list[Buffer], meaning: str) -> tuple[Tensor, ...]:
        return tuple(Tensor(b.name, "float32", (1, b.channels, b.height, b.width), meaning) for b in buffers)

    return Signature(task, tensors(program.inputs, "image"), tensors(program.outputs, OUTPUTS[task]), threshold)
