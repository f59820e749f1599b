# SPDX-License-Identifier: Apache-2.0
"""Program -> the signature of its model: inputs and outputs as their user has them, and what they mean."""

from __future__ import annotations

from dataclasses import replace

from ...runtime.signature import DETECTION, LOGIT, PROBABILITY, Signature, Tensor
from .buffers import Buffer
from .stages import Program

OUTPUTS = {"map": "map", DETECTION: PROBABILITY, "segmentation": PROBABILITY, "classification": "scores"}
"""Task -> what the outputs mean."""


def signature_of(program: Program, task: str = "map", scale: float | None = None) -> Signature:
    """The signature of a program for `task`, without a detection's threshold and scores; `scale` is that of logits in
    integers."""

    def tensor(b: Buffer, meaning: str) -> Tensor:
        found = Tensor(b.name, b.encoding.element, (1, b.channels, b.height, b.width), meaning)
        return replace(found, meaning=LOGIT, scale=scale) if found.has_scale else found

    inputs = tuple(tensor(b, "image") for b in program.inputs)
    return Signature(task, inputs, tuple(tensor(b, OUTPUTS[task]) for b in program.outputs))
