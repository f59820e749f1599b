# SPDX-License-Identifier: Apache-2.0
"""The whole network as its stages one by one.

Feeding each stage the reference's maps hides what only whole runs show: rings, threads, the order of the outputs.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..ir.buffers import Buffer
from ..ir.plan import Plan
from ..storage import Bits
from .device import Device

Array = npt.NDArray[Any]


def run_by_stage(device: Device, plan: Plan, image: Array, signs: dict[Buffer, Array] | None = None) -> list[Array]:
    """The outputs [C, H, W] of an image [C, H, W] by single stages on the device's own maps. `signs` takes in the
    packed signs [C, H, W] of all maps, in their order."""
    (source,) = plan.program.inputs
    device.store(source, image)
    for k, step in enumerate(plan.kernels.steps):
        device.probe.run_stage(k)
        if signs is None:
            continue
        for buffer in step.stage.outputs:
            if type(buffer.encoding) is Bits and buffer.external is None:
                signs[buffer] = device.fetch(buffer)
    return [device.fetch(b) for b in plan.program.outputs]
