# SPDX-License-Identifier: Apache-2.0
"""The agreement of one output with the reference's, end to end.

It needs numpy alone: boards are asked by machines that have no compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MASK_TOLERANCE = 1e-4
"""Share of pixels that may differ end to end, where a sign within rounding error of zero flips."""
PROBABILITY_TOLERANCE = 1e-3
"""The difference that the other pixels may have, of the largest value, and of 1 at least. Where no sign flips the
shipped network mostly is within 3e-6."""
FLIPPED = 16
"""Pixels that may always differ by more. In one of ten frames of 256x256 the shipped network flips a sign, which moved
one to three pixels by more than 1e-3, one of them by 0.6; the window around it has no more than these."""

Array = npt.NDArray[Any]


def evidence(verified: Mapping[str, Any]) -> str:
    """The fields of a `Verified` that say how stages agreed, for a person."""
    if verified.get("whole_values"):
        return f"{verified['whole_values']} integers of {verified['stages']} stages equal, {verified['proof']}"
    counts = (verified[name] for name in ("accumulators", "binary_stages_read", "binary_stages"))
    return f"{verified['stages']} stages within {verified['stage_error']:.1e}, {accumulators_text(*counts)}"


def accumulators_text(compared: int, read: int, binary: int) -> str:
    """Accumulators that were found equal, for a person: of how many of the binary convolutions they could be read."""
    if not binary:
        return "no binary convolution"
    if not read:
        return f"accumulators of none of {binary} binary convolutions read"
    return f"{compared} integer accumulators of {read} of {binary} binary convolutions equal"


@dataclass(frozen=True)
class Agreement:
    """The agreement of one output with the reference's; `wrong` says what does not agree, empty where all does."""

    pixels: int
    differing: int  # on the other side of the threshold, where there is one
    error: float  # largest difference
    wrong: str


def compare_output(found: Array, expected: Array, threshold: float | None, exact: bool = False) -> Agreement:
    """One output, the device's and the reference's; `threshold` is a detection's, as a value of it. Of integers, and
    with `exact`, nothing may differ."""
    exact = exact or found.dtype.kind in "iu"
    if found.dtype.kind in "iu":
        found, expected = found.astype(np.float64), expected.astype(np.float64)
    nan = np.isnan(found), np.isnan(expected)
    with np.errstate(invalid="ignore"):  # of two infinities
        error = np.abs(found - expected)
    error[(found == expected) | (nan[0] & nan[1])] = 0
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    differing = 0 if threshold is None else int(((found > threshold) != (expected > threshold)).sum())
    share = MASK_TOLERANCE * error.size
    counts = (
        (int((error != 0).sum()) if exact else 0, 0, "values, and none may"),
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
