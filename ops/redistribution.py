# SPDX-License-Identifier: Apache-2.0
"""`ReDistribution`: a learnable affine map per channel (equation 11).

    Y = alpha X + beta

Inputs, all required
    X            float32 [N, C, H, W]
    alpha, beta  float32 [C] (or [1]); any sign

Output
    Y            float32 [N, C, H, W]

Edge cases
    those of one IEEE product and one sum; whether they are fused is not specified.
"""

import numpy as np

from ._spec import Op, per_channel

TEXT = """
(X, alpha, beta) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    alpha_chw = Unsqueeze (alpha, channel_axes)
    beta_chw = Unsqueeze (beta, channel_axes)
    scaled = Mul (alpha_chw, X)
    Y = Add (scaled, beta_chw)
}
"""


def reference(x: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The operator in numpy, float32 throughout."""
    with np.errstate(all="ignore"):
        y: np.ndarray = per_channel(alpha) * np.asarray(x, np.float32) + per_channel(beta)
        return y


OP = Op("ReDistribution", TEXT, reference)
