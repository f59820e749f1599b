# SPDX-License-Identifier: Apache-2.0
"""Closeness of the original's values and the rewritten network's: within the rounding of sums, channel by channel.

Both compute the same sums of float32 in another order, so that a value v = t1 + ... + tk of one may differ from the
other's by some 1e-7 of its largest term. The terms are not known; the channel's largest magnitude stands for them,
since somewhere v is as large as they are:

    |a - b| <= 1e-5 max |a| over the pixels of the channel

Of what a ReLU leaves little, the largest magnitude is that of its argument.

Of few pixels v may be near 0 at all of them by chance: below a tenth of its terms at all of n with a probability of
0.1^n, or of 0.5^n behind a ReLU or PReLU, and a network has some 10^5 channels in all runs. At 64 pixels it does not
happen, at 16 it does behind a PReLU, at 1 everywhere. So the channel's magnitude in the other runs of the same kind of
numbers counts too, but never more of it than is needed:

    pixels         the channel's magnitude
    64 and more    its largest in this run
    16 to 63       its largest in all runs of the kind, up to 1/16 of the largest of all channels in this run
    below 16       the same, up to the largest of all channels in this run, and not below 1/16 of that

Where all channels together are less than 32 numbers, each may be a sum of signs that is 0, or what rounding makes of
that: then the largest of all channels is that of all runs of the kind.

A step that goes wrong changes a binary convolution's sum by whole multiples of its channel's scale. It is seen where
these are more than 1e-5 of the channel's magnitude, and below 16 pixels more than 6e-7 of the largest channel's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
TOLERANCE = 1e-5
"""Of a channel's magnitude."""
SHARES = ((16, 1.0, 1 / 16), (64, 1 / 16, 0.0))
"""(pixels below which it is so; shares of the largest of all channels: up to which other runs raise a channel's
magnitude, and below which it is not)."""
FEW = 32
"""Numbers of all channels, of which all may be 0 by chance."""

SMALLEST = 1e-30
"""Magnitude below which a channel is none: numbers that underflow, as a softmax's do, lose their bits."""


class Closeness:
    """A value's magnitudes and differences in all runs of one kind of numbers, a channel each; inf where one of both is
    not finite, or both are not the same infinity or NaN."""

    def __init__(self) -> None:
        self.sizes: list[Array] = []
        self.errors: list[Array] = []
        self.pixels = 1
        self.numbers = 1

    def add(self, expected: Array, found: Array, terms: Array | None = None) -> None:
        """One run's values, of one shape: axis 1 is channels, where there are as many axes. `terms`, of as many
        numbers, have the magnitudes of what was summed; by default the values themselves."""
        if expected.shape != found.shape:
            raise ValueError(f"values of shapes {expected.shape} and {found.shape}")
        shape = expected.shape if expected.ndim > 1 else (1, -1)
        a, b = (v.astype(np.float64).reshape(shape) for v in (expected, found))
        axes = tuple(i for i in range(a.ndim) if i != 1)
        finite = np.isfinite(a)
        same = (finite == np.isfinite(b)) & (finite | (a == b) | (np.isnan(a) & np.isnan(b)))
        with np.errstate(invalid="ignore"):
            difference = np.where(finite & same, np.abs(a - b), np.where(same, 0, np.inf))
        summed = a if terms is None else terms.astype(np.float64).reshape(shape)
        sizes = [np.abs(np.where(np.isfinite(v), v, 0)).max(axes, initial=0) for v in (a, summed)]
        self.sizes.append(np.maximum(*sizes))
        self.errors.append(difference.max(axes, initial=0))
        self.numbers, self.pixels = a.size, a.size // max(self.sizes[-1].size, 1)

    def worst(self) -> float:
        """The largest difference, relative to its channel's magnitude."""
        sizes, errors = np.array(self.sizes), np.array(self.errors)
        if not sizes.size:
            return 0.0
        largest = sizes.max(None if self.numbers < FEW else 1, keepdims=True)
        most, least = next(((m, n) for below, m, n in SHARES if self.pixels < below), (0.0, 0.0))
        lifted = np.minimum(sizes.max(0), most * largest)
        scale = np.maximum(np.maximum(sizes, lifted), np.maximum(least * largest, SMALLEST))
        return float((errors / scale).max())
