# SPDX-License-Identifier: Apache-2.0
"""Checks the device stage by stage, each fed the reference's own input (teacher forcing).

A float32 map may differ from the reference by 1e-5 of the largest number that was summed for its channel; the sign
bits that a stage packs must be those of the float32 map that it stores beside them, or, where it stores none, of the
reference wherever that is not within rounding error of the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..ir.buffers import MARGIN, Buffer
from ..ir.steps import Step
from ..kernels.error_bounds import error_bounds
from ..kernels.reference import from_bytes, sign_bits, to_bytes
from .device import Device

TOLERANCE = 1e-5
SMALLEST = 1e-30

Array = npt.NDArray


@dataclass(frozen=True)
class StageResult:
    """What one stage did with the reference's input."""

    name: str
    error: float  # largest difference from the reference, relative to what was summed for its channel
    wrong_bits: int
    wrong_margins: int  # elements beside the rows that are not what windows should read there
    tensors: dict[str, Array]  # what was compared

    @property
    def passed(self) -> bool:
        """Within the tolerance, and every bit and margin right."""
        return self.error <= TOLERANCE and not self.wrong_bits and not self.wrong_margins


def stored_form(buffer: Buffer, value: Array) -> Array:
    """A float32 map as the buffer holds it."""
    if buffer.dtype == "bits":
        return sign_bits(value, buffer.threshold)
    if buffer.scale is None or buffer.shift is None:
        return value
    return buffer.scale[:, None, None] * value + buffer.shift[:, None, None]


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
    inputs = {op.buffer.name: stored_form(op.buffer, reference[op.buffer.value]) for op in step.operands}
    outputs = run_step(device, index, step, inputs)
    tensors = {f"input {n}": v for n, v in inputs.items()}
    error, wrong_bits, own_map = 0.0, 0, None
    wrong_margins = sum(count_wrong_margins(b, device.read(b)) for b in outputs if b.margin != "none")
    bounds = error_bounds(step.stage, inputs)
    for (buffer, value), bound in zip(outputs.items(), bounds, strict=True):
        expected = stored_form(replace(buffer, dtype="float32"), reference[buffer.value])
        tensors |= {f"device {buffer.name}": value, f"reference {buffer.value}": expected}
        if buffer.dtype == "float32":
            own_map = value if buffer.scale is None else own_map
            error = max(error, relative_error(value, expected, bound))
    for (buffer, value), bound in zip(outputs.items(), bounds, strict=True):
        if buffer.dtype == "bits":
            expected = reference[buffer.value] if own_map is None else own_map
            wrong = value != sign_bits(expected, buffer.threshold)
            if own_map is None:
                near = TOLERANCE * np.maximum(np.abs(expected), bound).max(axis=(1, 2), keepdims=True)
                wrong &= np.abs(expected - buffer.threshold[:, None, None]) > near
            wrong_bits += int(wrong.sum())
    return StageResult(step.stage.name, error, wrong_bits, wrong_margins, tensors)


def count_wrong_margins(buffer: Buffer, memory: bytes) -> int:
    """Elements left and right of the rows that do not follow from the rows as they should."""
    dtype = np.float32 if buffer.dtype == "float32" else np.uint8
    shape = (buffer.height, buffer.planes, buffer.plane_stride)
    right = to_bytes(buffer, from_bytes(buffer, memory))
    found, wanted = (np.frombuffer(m, dtype).reshape(shape)[:, :, : buffer.width + 2 * MARGIN] for m in (memory, right))
    same = (found == wanted) | ((found != found) & (wanted != wanted))  # a NaN is as good as another
    return int((~same).sum())


def relative_error(value: Array, expected: Array, bound: Array) -> float:
    """Largest difference, relative to the largest `bound` (all [C, H, W]) of its channel; infinite where one alone is
    NaN."""
    difference = np.abs(value.astype(np.float64) - expected)
    if (np.isnan(value) != np.isnan(expected)).any():
        return float("inf")
    magnitude = np.nanmax(bound, axis=(1, 2), keepdims=True, initial=SMALLEST)
    return float(np.nanmax(difference / magnitude, initial=0.0))
