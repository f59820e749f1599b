# SPDX-License-Identifier: Apache-2.0
"""The whole network as its stages one by one.

Feeding each stage the reference's maps hides what only whole runs show: rings, threads, the order of the outputs.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..ir.plan import Plan
from .device import Device

Array = npt.NDArray[Any]


def run_by_stage(device: Device, plan: Plan, image: Array) -> list[Array]:
    """The outputs [C, H, W] of an image [C, H, W] by single stages on the device's own maps."""
    (source,) = plan.program.inputs
    device.store(source, image)
    for k in range(len(plan.kernels.steps)):
        device.probe.run_stage(k)
    return [device.fetch(b) for b in plan.program.outputs]
