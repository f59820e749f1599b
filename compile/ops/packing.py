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
