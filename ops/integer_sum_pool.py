# SPDX-License-Identifier: Apache-2.0
"""`IntegerSumPool` (version 2): the sum of 2x2 pixels, stride 2. What an average divides by is the reader's.

    Y[i, j] = V[2i, 2j] + V[2i, 2j + 1] + V[2i + 1, 2j] + V[2i + 1, 2j + 1]

Input
    V    int32 [N, C, H, W], |V| < 2**22; H and W at least 2

Output
    Y    int32 [N, C, H // 2, W // 2]: an odd last row or column is dropped
"""

import numpy as np

from ._spec import Op

TEXT = """
(V) => (Y)
{
    four = Constant <value_float = 4.0> ()
    v = Cast <to = 1> (V)
    average = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (v)
    sum = Mul (average, four)
    Y = Cast <to = 6> (sum)
}
"""


def reference(v: np.ndarray) -> np.ndarray:
    """The operator in numpy. Raises ValueError where there is no window."""
    height, width = (side // 2 * 2 for side in v.shape[2:])
    if min(height, width) < 2:
        raise ValueError(f"IntegerSumPool: V is {list(v.shape)}; its sides must be at least 2")
    rows = v[:, :, 0:height:2].astype(np.int32) + v[:, :, 1:height:2]
    y: np.ndarray = rows[..., 0:width:2] + rows[..., 1:width:2]
    return y


OP = Op("IntegerSumPool", TEXT, reference, since=2)
