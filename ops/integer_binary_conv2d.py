# SPDX-License-Identifier: Apache-2.0
"""`IntegerBinaryConv2d` (version 2): BinaryConv2d of an int8 map with weights of +-1, as a centred count in a byte.

    a[c] = +1 where X[c] >= T[c], else -1
    Y[m] = saturate(-(sum over taps and channels of a * W[m]) / 2)

A padded tap adds 0. Where no tap is padded, Y is popcount(a XOR w) - K / 2 over K = Cg kH kW bits (equation 18),
saturated to -128 .. 127.

Inputs, all required
    X    int8 [N, C, H, W]
    W    int8 [M, Cg, kH, kW], Cg = C / group, each -1 or +1
    T    int16 [C]: -128 and less give +1 always, 128 and more never

Output
    Y    int8 [N, M, OH, OW], of BinaryConv2d's size

Attributes
    strides, pads, dilations, group    as BinaryConv2d's

Edge cases
    Cg is even, so that every sum is even and its half is whole, at borders too.
"""

from collections.abc import Sequence

import numpy as np

from ._spec import Op, integer_per_channel, saturate
from .binary_conv2d import convolve

TEXT = """
<strides: ints = [1, 1], pads: ints = [0, 0, 0, 0], dilations: ints = [1, 1], group: int = 1>
(X, W, T) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    minus = Constant <value_float = -1.0> ()
    plus = Constant <value_float = 1.0> ()
    minus_half = Constant <value_float = -0.5> ()
    low = Constant <value_float = -128.0> ()
    high = Constant <value_float = 127.0> ()
    x = Cast <to = 1> (X)
    weights = Cast <to = 1> (W)
    threshold = Cast <to = 1> (T)
    threshold_chw = Unsqueeze (threshold, channel_axes)
    bits = GreaterOrEqual (x, threshold_chw)
    activations = Where (bits, plus, minus)
    dot = Conv <strides: ints = @strides, pads: ints = @pads, dilations: ints = @dilations, group: int = @group>
        (activations, weights)
    count = Mul (dot, minus_half)
    saturated = Clip (count, low, high)
    Y = Cast <to = 3> (saturated)
}
"""


def reference(
    x: np.ndarray,
    w: np.ndarray,
    t: np.ndarray,
    *,
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
) -> np.ndarray:
    """The operator in numpy. Raises ValueError where the shapes, the weights or an odd C / group do not fit."""
    if w.ndim != 4 or w.shape[1] % 2 or x.ndim != 4 or x.shape[1] != w.shape[1] * group or len(w) % group:
        raise ValueError(
            f"IntegerBinaryConv2d: X {list(x.shape)}, W {list(w.shape)} and group {group} do not fit; C / group is even"
        )
    if not (np.abs(w) == 1).all():
        raise ValueError("IntegerBinaryConv2d: W has weights that are neither -1 nor +1")
    activations = np.where(x >= integer_per_channel(t), 1.0, -1.0)
    dot = convolve(activations, w.astype(np.float64), strides, pads, dilations, group, 0.0).astype(np.int64)
    return saturate(-dot // 2, np.int8)


OP = Op("IntegerBinaryConv2d", TEXT, reference, since=2)
