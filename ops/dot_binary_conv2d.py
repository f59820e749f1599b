# SPDX-License-Identifier: Apache-2.0
"""`DotBinaryConv2d`: a 1x1 depth-wise convolution of full-precision activations by one-bit weights.

    Y[c] = X[c] * (scale[c] * b[c] + offset[c]),  b[c] = +1 where the bit of W is set, else -1

Equations 13 to 18: with `Y_b = Sign(a) XNOR W_b`, `alpha |a| Y_b + beta a` is `a (alpha W_b + beta)`, since
`|a| Sign(a) = a`. `scale` is the paper's alpha_w, `offset` its beta_w.

Inputs, all required
    X              float32 [N, C, H, W]
    W              uint8 [ceil(C/8)]: bit i (LSB = 0) of byte j is channel 8 j + i; unused high bits are 0
    scale, offset  float32 [1] or [C]

Output
    Y              float32 [N, C, H, W]

Attributes
    channels   int, required: C, which the bytes of W alone do not tell

Edge cases
    the factor is formed first, so infinities, NaN and -0.0 pass through as in one IEEE product.
"""

import numpy as np

from ._spec import Op, per_channel
from .packing import BIT_PLACES, unpack_bits

TEXT = (
    """
<channels>
(X, W, scale, offset) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    """
    + BIT_PLACES
    + """
    W_bytes = Gather <axis = 0> (W, byte)
    W_masked = BitwiseAnd (W_bytes, mask)
    W_bits = Cast <to = 9> (W_masked)
    lower = Constant <value_float = -1.0> ()
    upper = Constant <value_float = 1.0> ()
    signs = Where (W_bits, upper, lower)
    scaled = Mul (scale, signs)
    factor = Add (scaled, offset)
    factor_chw = Unsqueeze (factor, channel_axes)
    Y = Mul (X, factor_chw)
}
"""
)


def reference(x: np.ndarray, w: np.ndarray, scale: np.ndarray, offset: np.ndarray, *, channels: int) -> np.ndarray:
    """The operator in numpy, float32 throughout."""
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"DotBinaryConv2d: X is {list(x.shape)}, expected {channels} channels on axis 1")
    signs = np.where(unpack_bits(w, channels), np.float32(1), np.float32(-1))
    factor = np.asarray(scale, np.float32) * signs + np.asarray(offset, np.float32)
    with np.errstate(all="ignore"):
        y: np.ndarray = np.asarray(x, np.float32) * per_channel(factor)
        return y


OP = Op("DotBinaryConv2d", TEXT, reference)
