# SPDX-License-Identifier: Apache-2.0
"""The whole network at once: against the reference, and against its own stages one by one.

Feeding each stage the reference's maps hides what only whole runs show: rings, stripes, the order of the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ir.plan import Plan
from .device import Device

MASK_TOLERANCE = 1e-4
"""Share of pixels that may differ end to end, where a sign within rounding error of zero flips."""
PROBABILITY_TOLERANCE = 1e-3
"""What the other pixels may differ by, of the largest value, and of 1 at least. Where no sign flips the shipped network
mostly is within 3e-6."""
FLIPPED = 16
"""Pixels that may always differ by more. In one of ten frames of 256x256 the shipped network flips a sign, which moved
one to three pixels by more than 1e-3, one of them by 0.6; the window around it has no more than these."""

Array = npt.NDArray


@dataclass(frozen=True)
class Agreement:
    """How well one output agrees with the reference's; `wrong` says what does not, and is empty where all does."""

    pixels: int
    differing: int  # on the other side of the threshold
    error: float  # largest difference
    wrong: str


def compare_output(found: Array, expected: Array, threshold: float) -> Agreement:
    """One output [C, H, W], the device's and the reference's."""
    nan = np.isnan(found), np.isnan(expected)
    with np.errstate(invalid="ignore"):  # of two infinities
        error = np.abs(found - expected)
    error[(found == expected) | (nan[0] & nan[1])] = 0
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    differing = int(((found > threshold) != (expected > threshold)).sum())
    share = MASK_TOLERANCE * error.size
    counts = (
        (int((nan[0] != nan[1]).sum()), 0, "values are NaN on one side only"),
        (differing, max(share, 1), "mask pixels end to end"),
        (
            int((error > PROBABILITY_TOLERANCE * largest).sum()),
            max(share, FLIPPED),
            f"values by more than {PROBABILITY_TOLERANCE:g}",
        ),
    )
    wrong = next((f"{n} of {error.size} {what}" for n, allowed, what in counts if n > allowed), "")
    return Agreement(error.size, differing, float(error.max()), wrong)


def run_by_stage(device: Device, plan: Plan, image: Array) -> list[Array]:
    """The outputs [C, H, W] of an image [C, H, W] by single stages on the device's own maps."""
    (source,) = plan.program.inputs
    device.store(source, image)
    for k in range(len(plan.kernels.steps)):
        device.probe.run_stage(k)
    return [device.fetch(b) for b in plan.program.outputs]
