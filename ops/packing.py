# SPDX-License-Identifier: Apache-2.0
"""Bits to bytes and back: the weight layout of the `com.biisnet` operators.

Bit `i` (least significant = 0) of byte `j` is channel `8 j + i`; the unused high bits of the last byte are 0.
"""

import numpy as np


def pack_bits(bits: np.ndarray, axis: int = 0) -> np.ndarray:
    """Pack booleans along `axis`: length C becomes ceil(C / 8) uint8, least significant bit first."""
    return np.packbits(np.asarray(bits, dtype=bool), axis=axis, bitorder="little")


def unpack_bits(packed: np.ndarray, count: int, axis: int = 0) -> np.ndarray:
    """Undo `pack_bits`: the first `count` bits along `axis` as booleans.

    Raises ValueError where the bytes are not uint8 or not ceil(count / 8) of them.
    """
    packed = np.asarray(packed)
    if packed.dtype != np.uint8 or packed.shape[axis] != (count + 7) // 8:
        raise ValueError(
            f"packed bits: expected {(count + 7) // 8} uint8 for {count} channels on axis {axis}, "
            f"got {packed.dtype} {list(packed.shape)}"
        )
    return np.unpackbits(packed, axis=axis, count=count, bitorder="little").astype(bool)


def pack_weights(bits: np.ndarray) -> np.ndarray:
    """Pack weight bits, bool [M, Cg, kH, kW] (true = upper level), to uint8 [M, ceil(Cg/8), kH, kW]."""
    return pack_bits(bits, axis=1)


def unpack_weights(packed: np.ndarray, channels: int) -> np.ndarray:
    """Undo `pack_weights`: uint8 [M, ceil(Cg/8), kH, kW] to bool [M, channels, kH, kW]."""
    return unpack_bits(packed, channels, axis=1)


def weights_at_levels(packed: np.ndarray, levels: np.ndarray, channels: int) -> np.ndarray:
    """Weights as numbers: uint8 [M, ceil(Cg/8), kH, kW], levels [M, 2] or [1, 2], to float64 [M, channels, kH, kW]."""
    lower_upper = np.asarray(levels, dtype=np.float64).reshape(-1, 2, 1, 1, 1)
    return np.where(unpack_weights(packed, channels), lower_upper[:, 1], lower_upper[:, 0])


BIT_PLACES = """
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()
    eight = Constant <value_int = 8> ()
    count = Constant <value_int: int = @channels> ()
    channel = Range (zero, count, one)
    byte = Div (channel, eight)
    place = Mod (channel, eight)
    place_u8 = Cast <to = 2> (place)
    one_u8 = Cast <to = 2> (one)
    mask = BitShift <direction = "LEFT"> (one_u8, place_u8)
"""
"""ONNX text: from the attribute channels to `byte`, where each channel's bit is, int64 [C], and `mask`, uint8 [C]."""

UNPACK_WEIGHTS = (
    """
    channel_axes = Constant <value_ints = [1, 2]> ()
    spatial_axes = Constant <value_ints = [2, 3]> ()

    """
    + BIT_PLACES
    + """
    mask_chw = Unsqueeze (mask, channel_axes)
    W_bytes = Gather <axis = 1> (W, byte)
    W_masked = BitwiseAnd (W_bytes, mask_chw)
    W_bits = Cast <to = 9> (W_masked)
    weight_levels_mchw = Unsqueeze (weight_levels, spatial_axes)
    w_lower, w_upper = Split <axis = 1, num_outputs = 2> (weight_levels_mchw)
    weights = Where (W_bits, w_upper, w_lower)
"""
)
"""ONNX text: from W (packed), weight_levels and the attribute channels to `weights`, float32 [M, C, kH, kW];
and `channel_axes`, [1, 2]."""
