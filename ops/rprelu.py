# SPDX-License-Identifier: Apache-2.0
"""`RPReLU`: a two_slope ReLU whose corner is moved per channel (equation 10).

    Y = X - a + b        where X > a
        c (X - a) + b    elsewhere

Inputs, all required
    X        float32 [N, C, H, W]
    a, b, c  float32 [C] (or [1]): the corner's input and output, the slope below it

Output
    Y        float32 [N, C, H, W]

Edge cases
    X = a gives b; NaN gives NaN; c may be negative or above 1, so Y is not always monotonic in X, and is the
    maximum of the two lines for c <= 1 and their minimum for c >= 1.
"""

import numpy as np

from ._spec import Op, per_channel

TEXT = """
(X, a, b, c) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    a_chw = Unsqueeze (a, channel_axes)
    b_chw = Unsqueeze (b, channel_axes)
    c_chw = Unsqueeze (c, channel_axes)
    shifted = Sub (X, a_chw)
    sloped = Mul (c_chw, shifted)
    above = Greater (X, a_chw)
    bent = Where (above, shifted, sloped)
    Y = Add (bent, b_chw)
}
"""


def reference(x: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The operator in numpy, float32 throughout."""
    x = np.asarray(x, np.float32)
    with np.errstate(all="ignore"):
        shifted = x - per_channel(a)
        y: np.ndarray = np.where(x > per_channel(a), shifted, per_channel(c) * shifted) + per_channel(b)
        return y


OP = Op("RPReLU", TEXT, reference)
