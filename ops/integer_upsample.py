# SPDX-License-Identifier: Apache-2.0
"""`IntegerUpsample` (version 2): an int8 map at twice its height and width, interpolated by halving additions.

Along rows (axis 2), then along columns (axis 3), element i of the result is

    (near + ((near + far) >> 1) + 1) >> 1,    near = z[i // 2], far = z[i // 2 - 1] for even i, z[i // 2 + 1] for odd i

with the border repeated: near 3/4, far 1/4 (half-pixel centres), each halving rounded. `>>` is the arithmetic shift.

Input
    Z    int8 [N, C, H, W]

Output
    Y    int8 [N, C, 2 H, 2 W]; within the extremes of Z
"""

import numpy as np

from ._spec import Op

PREAMBLE = """
    half = Constant <value_float = 0.5> ()
    one = Constant <value_float = 1.0> ()
    zero_at = Constant <value_ints = [0]> ()
    one_at = Constant <value_ints = [1]> ()
    last_at = Constant <value_ints = [-1]> ()
    end_at = Constant <value_ints = [9223372036854775807]> ()
    axis2 = Constant <value_ints = [2]> ()
    axis3 = Constant <value_ints = [3]> ()
    z = Cast <to = 1> (Z)
"""


def _phase(source: str, axis: int, step: int, result: str) -> str:
    """Text: every second element of the interpolation along an axis, its other neighbour at `step`."""
    cuts = ("zero_at, one_at", "zero_at, last_at") if step < 0 else ("one_at, end_at", "last_at, end_at")
    return f"""
    {result}_first = Slice ({source}, {cuts[0]}, axis{axis})
    {result}_second = Slice ({source}, {cuts[1]}, axis{axis})
    {result}_far = Concat <axis = {axis}> ({result}_first, {result}_second)
    {result}_sum = Add ({source}, {result}_far)
    {result}_sum_half = Mul ({result}_sum, half)
    {result}_middle = Floor ({result}_sum_half)
    {result}_both = Add ({source}, {result}_middle)
    {result}_rounded = Add ({result}_both, one)
    {result}_half = Mul ({result}_rounded, half)
    {result} = Floor ({result}_half)
"""


TEXT = (
    "(Z) => (Y)\n{"
    + PREAMBLE
    + _phase("z", 2, -1, "even")
    + _phase("z", 2, +1, "odd")
    + _phase("even", 3, -1, "even_even")
    + _phase("even", 3, +1, "even_odd")
    + _phase("odd", 3, -1, "odd_even")
    + _phase("odd", 3, +1, "odd_odd")
    + """
    phases = Concat <axis = 1> (even_even, even_odd, odd_even, odd_odd)
    y = DepthToSpace <blocksize = 2, mode = "DCR"> (phases)
    Y = Cast <to = 3> (y)
}
"""
)


def reference(z: np.ndarray) -> np.ndarray:
    """The operator in numpy."""
    y = z.astype(np.int32)
    for axis in (2, 3):
        size = y.shape[axis]
        phases = []
        for step in (-1, 1):
            far = y.take(np.clip(np.arange(size) + step, 0, size - 1), axis)
            phases.append((y + ((y + far) >> 1) + 1) >> 1)
        shape = [2 * side if i == axis else side for i, side in enumerate(y.shape)]
        y = np.stack(phases, axis + 1).reshape(shape)
    return y.astype(np.int8)


OP = Op("IntegerUpsample", TEXT, reference, since=2)
