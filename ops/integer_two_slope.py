# SPDX-License-Identifier: Apache-2.0
"""`IntegerTwoSlope` (version 2): MaxOut of an int8 map, exact.

    Y = P X    where X >= 0
        N X    elsewhere

Inputs, all required
    X       int8 [N, C, H, W]
    N, P    int8 [C]; any sign

Output
    Y       int32 [N, C, H, W]
"""

import numpy as np

from ._spec import Op, integer_per_channel

TEXT = """
(X, N, P) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    zero = Constant <value_float = 0.0> ()
    x = Cast <to = 1> (X)
    negative = Cast <to = 1> (N)
    positive = Cast <to = 1> (P)
    negative_chw = Unsqueeze (negative, channel_axes)
    positive_chw = Unsqueeze (positive, channel_axes)
    below = Less (x, zero)
    slope = Where (below, negative_chw, positive_chw)
    product = Mul (x, slope)
    Y = Cast <to = 6> (product)
}
"""


def reference(x: np.ndarray, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The operator in numpy."""
    slope = np.where(x < 0, integer_per_channel(n), integer_per_channel(p))
    y: np.ndarray = (x.astype(np.int32) * slope).astype(np.int32)
    return y


OP = Op("IntegerTwoSlope", TEXT, reference, since=2)
