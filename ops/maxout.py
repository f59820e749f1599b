# SPDX-License-Identifier: Apache-2.0
"""`MaxOut`: one slope for each sign, per channel (AdaBin's; the non-linearity of equation 12).

    Y = positive X    where X >= 0
        negative X    elsewhere

which is `positive relu(X) - negative relu(-X)` without its products of zero and infinity.

Inputs, all required
    X                   float32 [N, C, H, W]
    positive, negative  float32 [C] (or [1]); any sign

Output
    Y                   float32 [N, C, H, W]

Edge cases
    0.0 and -0.0 take the positive slope; NaN gives NaN.
"""

import numpy as np

from ._spec import Op, per_channel

TEXT = """
(X, positive, negative) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    zero = Constant <value_float = 0.0> ()
    positive_chw = Unsqueeze (positive, channel_axes)
    negative_chw = Unsqueeze (negative, channel_axes)
    above = GreaterOrEqual (X, zero)
    slope = Where (above, positive_chw, negative_chw)
    Y = Mul (X, slope)
}
"""


def reference(x: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """The operator in numpy, float32 throughout."""
    x = np.asarray(x, np.float32)
    with np.errstate(all="ignore"):
        return x * np.where(x >= 0, per_channel(positive), per_channel(negative))


OP = Op("MaxOut", TEXT, reference)
