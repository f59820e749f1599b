# SPDX-License-Identifier: Apache-2.0
"""`BinaryConv2d`: threshold, convolve with one-bit weights, scale and offset (equations 2, 3, 4 and 18).

    A[c]  = activation_levels[X[c] >= threshold[c]]
    Wl[m] = weight_levels[m][bit of W[m]]
    Y[m]  = scale[m] * sum over taps and channels of A * Wl[m]  +  offset[m]

Inputs, all required
    X                  float32 [N, C, H, W]
    W                  uint8 [M, ceil(Cg/8), kH, kW], Cg = C / group: bit i (LSB = 0) of byte j is channel
                       8 j + i of the group, 1 = upper weight level; unused high bits are 0
    scale, offset      float32 [M]
    activation_levels  float32 [2]: lower, upper; (-1, +1) in the default network
    weight_levels      float32 [M, 2] or [1, 2]: lower, upper
    threshold          float32 [C] or [1]

Output
    Y                  float32 [N, M, OH, OW], OH = floor((H + top + bottom - dH (kH - 1) - 1) / sH) + 1

Attributes
    channels   int, required: Cg, which the bytes of W alone do not tell
    strides, dilations   ints [2], default 1 1
    pads       ints [4], default 0: top, left, bottom, right
    group      int, default 1; M is a multiple of it
    pad_value  float, default 0: the activation value (not level index) that a padded tap contributes

Edge cases
    * the comparison is IEEE's: 0.0 and -0.0 give the upper level at threshold 0, NaN gives the lower one;
    * with pad_value 0 a padded tap contributes exactly nothing: fewer than Cg kH kW taps count at a border;
    * scale and offset are applied to the finished sum, as one product and one sum. With levels and a
      pad_value of -1, 0 or +1 that sum (the *accumulator*) is an integer, exact in float32 in any order;
    * an infinity in X is a number like any other to the comparison: only its bit is used.

With both levels -1 and +1 the accumulator is `K - 2 popcount(a XOR w)` over the K valid bits (equation 18);
`accumulators` computes it like that, from packed bytes, as int32.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ._spec import Op, per_channel
from .packing import UNPACK_WEIGHTS, pack_bits, weights_at_levels

# The convolution pads with zeros, so activations are taken relative to pad_value, whose share of the sum is added. A
# Pad would read pads from a Constant that is an attribute's list, which ONNX Runtime up to 1.23 takes for a scalar.
TEXT = (
    """
<channels, strides: ints = [1, 1], pads: ints = [0, 0, 0, 0], dilations: ints = [1, 1],
 group: int = 1, pad_value: float = 0.0>
(X, W, scale, offset, activation_levels, weight_levels, threshold) => (Y)
{
    """
    + UNPACK_WEIGHTS
    + """
    threshold_chw = Unsqueeze (threshold, channel_axes)
    X_bits = GreaterOrEqual (X, threshold_chw)
    a_lower, a_upper = Split <axis = 0, num_outputs = 2> (activation_levels)
    activations = Where (X_bits, a_upper, a_lower)
    fill = Constant <value_float: float = @pad_value> ()
    above_fill = Sub (activations, fill)

    sum_above = Conv <strides: ints = @strides, pads: ints = @pads, dilations: ints = @dilations, group: int = @group>
        (above_fill, weights)
    weight_axes = Constant <value_ints = [1, 2, 3]> ()
    weight_sum = ReduceSum (weights, weight_axes)
    weight_sum_chw = Transpose <perm = [1, 0, 2, 3]> (weight_sum)
    sum_of_fill = Mul (weight_sum_chw, fill)
    accumulator = Add (sum_above, sum_of_fill)
    scale_chw = Unsqueeze (scale, channel_axes)
    offset_chw = Unsqueeze (offset, channel_axes)
    scaled = Mul (accumulator, scale_chw)
    Y = Add (scaled, offset_chw)
}
"""
)


def reference(
    x: np.ndarray,
    w: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
    activation_levels: np.ndarray,
    weight_levels: np.ndarray,
    threshold: np.ndarray,
    *,
    channels: int,
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
    pad_value: float = 0.0,
) -> np.ndarray:
    """The operator in numpy: the sum in float64 (exact for integer levels), the rest in float32."""
    _check(x, w, channels, group)
    weights = weights_at_levels(w, weight_levels, channels)
    lower, upper = np.asarray(activation_levels, dtype=np.float64)
    activations = np.where(_bits(x, threshold), upper, lower)
    accumulator = convolve(activations, weights, strides, pads, dilations, group, pad_value).astype(np.float32)
    y: np.ndarray = accumulator * per_channel(scale) + per_channel(offset)
    return y


def convolve(
    x: np.ndarray,
    weights: np.ndarray,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    group: int,
    pad_value: float,
) -> np.ndarray:
    """x [N, C, H, W] with weights [M, C / group, kH, kW], floats of one type; [N, M, OH, OW] of that type."""
    padded = _pad(x, pads, pad_value)
    out_shape = _out_shape(padded.shape, weights.shape, strides, dilations)
    out = np.zeros((out_shape[0], group, len(weights) // group, *out_shape[2:]), np.result_type(x, weights))
    grouped = weights.reshape(group, -1, *weights.shape[1:])
    for i, j, taps in _taps(padded, out_shape, weights.shape, strides, dilations):
        window = taps.reshape(taps.shape[0], group, weights.shape[1], -1)
        out += (grouped[..., i, j] @ window).reshape(out.shape)
    return out.reshape(out_shape)


def accumulators(
    x: np.ndarray,
    w: np.ndarray,
    threshold: np.ndarray | float = 0.0,
    *,
    channels: int,
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
    pad_value: float = 0.0,
) -> np.ndarray:
    """The sum before scale and offset for levels (-1, +1) on both sides, int32 [N, M, OH, OW].

    `K - 2 popcount(a XOR w)` over packed bytes (equation 18), K the number of valid bits: with `pad_value` 0
    padded taps are left out of both terms; with -1 or +1 they are bits like any other.
    Raises ValueError for another `pad_value`.
    """
    _check(x, w, channels, group)
    if pad_value not in (-1.0, 0.0, 1.0):
        raise ValueError(f"accumulators: pad_value must be -1, 0 or 1, got {pad_value}")
    n, _, height, width = x.shape
    bits = _bits(x, threshold).reshape(n, group, channels, height, width)
    valid = np.ones_like(bits)
    padded_valid = _pad(valid, pads, pad_value != 0.0)
    # a leading [N * group] makes each group a convolution of its own
    a = pack_bits(_pad(bits, pads, pad_value > 0), axis=2).reshape(n * group, -1, *padded_valid.shape[3:])
    v = pack_bits(padded_valid, axis=2).reshape(a.shape)
    out_shape = _out_shape(a.shape, w.shape, strides, dilations)
    grouped = w.reshape(group, -1, *w.shape[1:])
    out = np.zeros((n, group, grouped.shape[1], *out_shape[2:]), dtype=np.int32)
    a_taps = _taps(a, out_shape, w.shape, strides, dilations)
    v_taps = _taps(v, out_shape, w.shape, strides, dilations)
    for (i, j, a_tap), (_, _, v_tap) in zip(a_taps, v_taps, strict=True):
        a_bytes = a_tap.reshape(n, group, 1, -1, *out_shape[2:])
        v_bytes = v_tap.reshape(a_bytes.shape)
        w_bytes = grouped[None, ..., i, j, None, None]
        differ = _POPCOUNT[(a_bytes ^ w_bytes) & v_bytes].sum(axis=3, dtype=np.int32)
        out += _POPCOUNT[v_bytes].sum(axis=3, dtype=np.int32) - 2 * differ
    return out.reshape(n, w.shape[0], *out_shape[2:])


_POPCOUNT = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.int32)


def _check(x: np.ndarray, w: np.ndarray, channels: int, group: int) -> None:
    if x.ndim != 4 or x.shape[1] != channels * group:
        raise ValueError(f"BinaryConv2d: X is {list(x.shape)}, expected [N, {channels * group}, H, W]")
    if w.ndim != 4 or w.dtype != np.uint8 or w.shape[1] != (channels + 7) // 8 or w.shape[0] % group:
        raise ValueError(
            f"BinaryConv2d: W is {w.dtype} {list(w.shape)}, expected uint8 "
            f"[multiple of {group}, {(channels + 7) // 8}, kH, kW]"
        )


def _bits(x: np.ndarray, threshold: np.ndarray | float) -> np.ndarray:
    """Equation 2: true where X >= threshold; false for NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(x, dtype=np.float32) >= per_channel(np.asarray(threshold))


def _pad(x: np.ndarray, pads: Sequence[int], value: float | bool) -> np.ndarray:
    top, left, bottom, right = pads
    edges = [(0, 0)] * (x.ndim - 2) + [(top, bottom), (left, right)]
    return np.pad(x, edges, constant_values=value)


def _out_shape(
    padded: tuple[int, ...], w: tuple[int, ...], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[int, int, int, int]:
    height, width = (
        (size - dilation * (kernel - 1) - 1) // stride + 1
        for size, kernel, stride, dilation in zip(padded[2:], w[2:], strides, dilations, strict=True)
    )
    if height < 1 or width < 1:
        raise ValueError(f"BinaryConv2d: kernel {list(w[2:])} does not fit padded input {list(padded[2:])}")
    return padded[0], w[0], height, width


def _taps(
    padded: np.ndarray,
    out_shape: tuple[int, ...],
    w: tuple[int, ...],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (i, j, the input seen by kernel tap i, j at every output position)."""
    row_span, column_span = ((n - 1) * stride + 1 for n, stride in zip(out_shape[2:], strides, strict=True))
    for i in range(w[2]):
        for j in range(w[3]):
            top, left = i * dilations[0], j * dilations[1]
            rows = slice(top, top + row_span, strides[0])
            columns = slice(left, left + column_span, strides[1])
            yield i, j, padded[..., rows, columns]


OP = Op("BinaryConv2d", TEXT, reference)
