# SPDX-License-Identifier: Apache-2.0
"""`BinaryWeightConv2d`: convolve full-precision activations with one-bit weights, scale and offset.

    Wl[m] = weight_levels[m][bit of W[m]]
    Y[m]  = scale[m] * sum over taps and channels of X * Wl[m]  +  offset[m]

BinaryConnect's layer (levels -1 and +1), and Table 1's row DB Conv as a dense convolution (levels alpha_w b + beta_w,
equation 4).

Inputs, all required
    X              float32 [N, C, H, W]
    W              uint8 [M, ceil(Cg/8), kH, kW], packed as BinaryConv2d's
    scale, offset  float32 [M]
    weight_levels  float32 [M, 2] or [1, 2]: lower, upper

Output
    Y              float32 [N, M, OH, OW], of BinaryConv2d's size

Attributes
    channels, strides, pads, dilations, group    as BinaryConv2d's; padding is with zeros

Edge cases
    the sum is one of float32 numbers: its last bits depend on its order, and scale may be multiplied into the weights.
"""

from collections.abc import Sequence

import numpy as np

from ._spec import Op, per_channel
from .binary_conv2d import convolve
from .packing import UNPACK_WEIGHTS, weights_at_levels

TEXT = (
    """
<channels, strides: ints = [1, 1], pads: ints = [0, 0, 0, 0], dilations: ints = [1, 1], group: int = 1>
(X, W, scale, offset, weight_levels) => (Y)
{
    """
    + UNPACK_WEIGHTS
    + """
    sum = Conv <strides: ints = @strides, pads: ints = @pads, dilations: ints = @dilations, group: int = @group>
        (X, weights)
    scale_chw = Unsqueeze (scale, channel_axes)
    offset_chw = Unsqueeze (offset, channel_axes)
    scaled = Mul (sum, scale_chw)
    Y = Add (scaled, offset_chw)
}
"""
)


def reference(
    x: np.ndarray,
    w: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
    weight_levels: np.ndarray,
    *,
    channels: int,
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
) -> np.ndarray:
    """The operator in numpy: the sum in float64, the rest in float32."""
    weights = weights_at_levels(w, weight_levels, channels)
    total = convolve(np.asarray(x, np.float64), weights, strides, pads, dilations, group, 0.0)
    y: np.ndarray = total.astype(np.float32) * per_channel(scale) + per_channel(offset)
    return y


OP = Op("BinaryWeightConv2d", TEXT, reference)
