# SPDX-License-Identifier: Apache-2.0
"""Checks the device stage by stage, each fed the reference's own input (teacher forcing).

The encoding of each map says what may differ: a float32 map from the reference by 1e-5 of the largest number that was
summed for its channel; packed signs only where rounding may flip them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.buffers import Buffer
from ..ir.steps import Step
from ..kernels.error_bounds import error_bounds
from ..storage.float32 import TOLERANCE
from .device import Device

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class StageResult:
    """The outcome of one stage on the reference's input."""

    name: str
    error: float  # largest difference from the reference, relative to what was summed for its channel
    wrong_bits: int
    wrong_margins: int  # elements beside the rows that are not what windows should read there
    whole_values: int  # whole numbers that were compared, all of which must be equal
    tensors: dict[str, Array]  # what was compared
    magnitudes: dict[str, Array]  # value -> the size [C, 1, 1] of what was summed for each channel

    @property
    def passed(self) -> bool:
        """Within the tolerance, and every bit and margin right."""
        return self.error <= TOLERANCE and not self.wrong_bits and not self.wrong_margins


def run_step(
    device: Device, index: int, step: Step, inputs: dict[str, Array], parameters: bytes | None = None
) -> dict[Buffer, Array]:
    """One stage on given maps (by buffer name); returns what it wrote."""
    for buffer in dict.fromkeys(op.buffer for op in step.operands):
        device.store(buffer, inputs[buffer.name])
    device.probe.run_stage(index, parameters)
    return {b: device.fetch(b) for b in step.stage.outputs}


def check_step(device: Device, index: int, step: Step, reference: dict[str, Array]) -> StageResult:
    """Run one stage on the reference's maps (by ONNX value) and compare."""
    inputs = {op.buffer.name: op.buffer.encoding.encode(reference[op.buffer.value]) for op in step.operands}
    outputs = run_step(device, index, step, inputs)
    tensors = {f"input {n}": v for n, v in inputs.items()}
    wrong_margins = sum(count_wrong_margins(b, device.read(b)) for b in outputs)
    unchanged = (b.encoding.decode(value) for b, value in outputs.items())
    own = next((value for value in unchanged if value is not None), None)
    error, wrong = 0.0, 0
    magnitudes = {}
    for (buffer, value), bound in zip(outputs.items(), error_bounds(step.stage, inputs), strict=True):
        encoding, expected = buffer.encoding, reference[buffer.value]
        magnitudes[buffer.value] = bound.max(axis=(1, 2), keepdims=True)
        found = encoding.compare(value, expected, bound, own)
        error, wrong = max(error, found.error), wrong + found.wrong
        tensors[f"device {buffer.name}"] = value
        tensors[f"reference {buffer.value}"] = expected if encoding.is_exact else encoding.encode(expected)
    whole = sum(value.size for b, value in outputs.items() if b.encoding.is_whole)
    return StageResult(step.stage.name, error, wrong, wrong_margins, whole, tensors, magnitudes)


def count_wrong_margins(buffer: Buffer, memory: bytes) -> int:
    """Elements left and right of the rows, and unused bits, that do not follow from the rows as they should."""
    right = buffer.to_memory(buffer.from_memory(memory))
    found, wanted = (np.frombuffer(m, buffer.encoding.element) for m in (memory, right))
    same = (found == wanted) | ((found != found) & (wanted != wanted))  # a NaN is as good as another
    return int((~same & buffer.layout.defined(buffer)).sum())
