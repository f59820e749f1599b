# SPDX-License-Identifier: Apache-2.0
"""`IntegerHinge` (version 2): RPReLU of a centred count, as two multiply-adds.

    Y = A X + B max(X, K)

of slope A below the knee K, and A + B above it.

Inputs, all required
    X          int8 [N, C, H, W]
    A, B, K    int8 [C]; any sign

Output
    Y          int32 [N, C, H, W]
"""

import numpy as np

from ._spec import Op, integer_per_channel

TEXT = """
(X, A, B, K) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    x = Cast <to = 1> (X)
    slope = Cast <to = 1> (A)
    bend = Cast <to = 1> (B)
    knee = Cast <to = 1> (K)
    slope_chw = Unsqueeze (slope, channel_axes)
    bend_chw = Unsqueeze (bend, channel_axes)
    knee_chw = Unsqueeze (knee, channel_axes)
    above = Max (x, knee_chw)
    line = Mul (x, slope_chw)
    bent = Mul (above, bend_chw)
    sum = Add (line, bent)
    Y = Cast <to = 6> (sum)
}
"""


def reference(x: np.ndarray, a: np.ndarray, b: np.ndarray, k: np.ndarray) -> np.ndarray:
    """The operator in numpy."""
    x = x.astype(np.int32)
    y: np.ndarray = x * integer_per_channel(a) + np.maximum(x, integer_per_channel(k)) * integer_per_channel(b)
    return y.astype(np.int32)


OP = Op("IntegerHinge", TEXT, reference, since=2)
