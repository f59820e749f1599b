# SPDX-License-Identifier: Apache-2.0
"""`Requantize` (version 2): a sum to a stored map: a constant a channel, an arithmetic shift, saturation.

    Y = saturate((V + B) >> shift)

Inputs, all required
    V    int32 [N, C, H, W]
    B    int32 [C]

Output
    Y    int8 or int16 [N, C, H, W]

Attributes
    shift    int, default 0, from 0 to 15: `>>` is the arithmetic shift, which rounds towards minus infinity
    to       int, default 3: the type of Y as ONNX numbers types, 3 (int8) or 5 (int16); a function body can name the
             type of its result in no other way

Edge cases
    |V + B| < 2**24: larger sums would not be exact in the function's float32. In an integer network every V + B fits
    int16.
"""

import numpy as np

from ._spec import Op, integer_per_channel, saturate

INT8, INT16 = 3, 5
"""Values of `to`: onnx.TensorProto.INT8 and INT16."""
TYPES: dict[int, type[np.signedinteger]] = {INT8: np.int8, INT16: np.int16}

TEXT = """
<shift: int = 0, to: int = 3>
(V, B) => (Y)
{
    channel_axes = Constant <value_ints = [1, 2]> ()
    int8_type = Constant <value_int = 3> ()
    low8 = Constant <value_float = -128.0> ()
    high8 = Constant <value_float = 127.0> ()
    low16 = Constant <value_float = -32768.0> ()
    high16 = Constant <value_float = 32767.0> ()
    type = Constant <value_int: int = @to> ()
    is_int8 = Equal (type, int8_type)
    low = Where (is_int8, low8, low16)
    high = Where (is_int8, high8, high16)

    one = Constant <value_int = 1> ()
    unsigned_one = Cast <to = 13> (one)
    places = Constant <value_int: int = @shift> ()
    unsigned_places = Cast <to = 13> (places)
    power = BitShift <direction = "LEFT"> (unsigned_one, unsigned_places)
    divisor = Cast <to = 1> (power)

    b_chw = Unsqueeze (B, channel_axes)
    v = Add (V, b_chw)
    exact = Cast <to = 1> (v)
    quotient = Div (exact, divisor)
    shifted = Floor (quotient)
    saturated = Clip (shifted, low, high)
    Y = Cast <to: int = @to> (saturated)
}
"""


def reference(v: np.ndarray, b: np.ndarray, *, shift: int = 0, to: int = INT8) -> np.ndarray:
    """The operator in numpy. Raises ValueError for another `to`."""
    if to not in TYPES:
        raise ValueError(f"Requantize: to is {to}; 3 (int8) and 5 (int16) are supported")
    return saturate((v.astype(np.int64) + integer_per_channel(b)) >> shift, TYPES[to])


OP = Op("Requantize", TEXT, reference, since=2)
