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

from ...runtime.signature import DETECTION

MASK_TOLERANCE = 1e-4
"""Share of pixels that may differ end to end, where a sign within rounding error of zero flips."""
PROBABILITY_TOLERANCE = 1e-3
"""The difference that the other pixels may have, of the largest value, and of 1 at least. Where no sign flips the
shipped network mostly is within 3e-6."""
FLIPPED = 16
"""Pixels that may always differ by more. In one of ten frames of 256x256 the shipped network flips a sign, which moved
one to three pixels by more than 1e-3, one of them by 0.6; the window around it has no more than these."""

TIE = 1e-5
"""The distance from its threshold, or from another class's score, of the same, at which a value is a tie: rounding may
put it on either side."""

Array = npt.NDArray[Any]


def evidence(verified: Mapping[str, Any]) -> str:
    """The fields of a `Verified` that say how stages agreed, for a person."""
    if verified.get("whole_values"):
        proof = f", {verified['proof']}" if verified["proof"] else ""  # there is none of other files than biisnet's
        return f"{verified['whole_values']} integers of {verified['stages']} stages equal{proof}"
    counts = (verified[name] for name in ("accumulators", "binary_stages_read", "binary_stages"))
    return f"{verified['stages']} stages within {verified['stage_error']:.1e}, {accumulators_text(*counts)}"


def outcome(verified: Mapping[str, Any]) -> str:
    """The end of a line on the whole network: what of its output differs, and the ties."""
    is_mask = verified.get("task", DETECTION) == DETECTION
    pixels = f"{verified['mask_pixels_differing']} of {verified['mask_pixels']} mask pixels differ"
    if not is_mask:
        pixels = f"{verified['mask_pixels']} values of the output"
    error = "equal" if verified.get("whole_values") else f"within {verified['probability_error']:.1e}"
    ties = f", {verified['ties']} ties" if verified.get("ties") else ""
    if is_mask:
        return f"{pixels}{'' if verified.get('whole_values') else f', probability {error}'}{ties}"
    return f"{pixels} {error}{ties}"


def accumulators_text(compared: int, read: int, binary: int) -> str:
    """Accumulators that were found equal, for a person: of how many of the binary convolutions they could be read."""
    if not binary:
        return "no binary convolution"
    if not read:
        return f"accumulators of none of {binary} binary convolutions read"
    others = "" if read == binary else " (of the others the output alone is compared)"
    return f"{compared} integer accumulators of {read} of {binary} binary convolutions equal{others}"


@dataclass(frozen=True)
class Agreement:
    """The agreement of one output with the reference's; `wrong` says what does not agree, empty where all does."""

    pixels: int
    differing: int  # on the other side of the threshold, where there is one
    error: float  # largest difference
    wrong: str
    ties: int = 0  # on the other side, too, but both within rounding of the threshold; or of two classes
    is_close: bool = True  # within TIE of the largest value: more than that, and a sign may have flipped


def compare_output(
    found: Array,
    expected: Array,
    threshold: float | None,
    exact: bool = False,
    *,
    scores: bool = False,
    may_flip: bool = True,
    magnitude: Array | None = None,
) -> Agreement:
    """One output, the device's and the reference's; `threshold` is a detection's, as a value of it. Of integers, and
    with `exact`, nothing may differ.

    Of `scores`, the class that has the highest must be the same. Where no sign can have flipped (`may_flip`), all
    values must agree. `magnitude` is the size of the numbers that were summed for each channel [C, 1, 1], which errors
    are relative to; without it that is the largest value, and 1 at least.
    """
    exact = exact or found.dtype.kind in "iu"
    if found.dtype.kind in "iu":
        found, expected = found.astype(np.float64), expected.astype(np.float64)
    nan = np.isnan(found), np.isnan(expected)
    with np.errstate(invalid="ignore"):  # of two infinities
        error = np.abs(found - expected)
    error[(found == expected) | (nan[0] & nan[1])] = 0
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1) if magnitude is None else magnitude
    differing, ties = (0, 0) if threshold is None else sides(found, expected, threshold, 0 if exact else TIE)
    others, tied = first_class(found, expected, 0 if exact else TIE * np.max(largest)) if scores else (0, 0)
    share = MASK_TOLERANCE * error.size
    counts = (
        (int((error != 0).sum()) if exact else 0, 0, "values, and none may"),
        (int((nan[0] != nan[1]).sum()), 0, "values are NaN on one side only"),
        (differing, max(share, 1), "mask pixels end to end"),
        (others, 0, "scores is the highest in place of another"),
        (
            int((error > PROBABILITY_TOLERANCE * largest).sum()),
            max(share, FLIPPED) if may_flip else 0,
            f"values by more than {PROBABILITY_TOLERANCE:g}",
        ),
    )
    wrong = next((f"{n} of {error.size} {what}" for n, allowed, what in counts if n > allowed), "")
    is_close = bool((error <= TIE * largest).all())
    return Agreement(error.size, differing, float(error.max()), wrong, ties + tied, is_close)


def sides(found: Array, expected: Array, threshold: float, near: float) -> tuple[int, int]:
    """(values on another side of the threshold than the reference's, ties): of the latter both are within `near`."""
    other = (found > threshold) != (expected > threshold)
    with np.errstate(invalid="ignore"):
        tie = other & (np.abs(found - threshold) <= near) & (np.abs(expected - threshold) <= near)
    return int((other & ~tie).sum()), int(tie.sum())


def first_class(found: Array, expected: Array, near: float) -> tuple[int, int]:
    """(1 where another class has the highest score than the reference's, 1 where it does and both are a tie)."""
    best, other = int(np.argmax(expected)), int(np.argmax(found))
    if best == other:
        return 0, 0
    is_tie = bool(expected.flat[best] - expected.flat[other] <= near)
    return int(not is_tie), int(is_tie)
