# SPDX-License-Identifier: Apache-2.0
"""The byte layout of one-bit weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biisnet.ops import pack_bits, pack_weights, unpack_bits, unpack_weights


def test_bit_i_of_byte_j_is_channel_8j_plus_i() -> None:
    bits = np.zeros(11, dtype=bool)
    bits[[0, 3, 9]] = True
    np.testing.assert_array_equal(pack_bits(bits), np.array([0b1001, 0b10], dtype=np.uint8))


def test_unused_high_bits_are_zero() -> None:
    assert pack_bits(np.ones(9, dtype=bool)).tolist() == [255, 1]


@given(st.integers(1, 4), st.integers(1, 33), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_weights_round_trip(out: int, channels: int, kernel: int, seed: int) -> None:
    bits = np.random.default_rng(seed).random((out, channels, kernel, kernel)) < 0.5
    packed = pack_weights(bits)
    assert packed.shape == (out, -(-channels // 8), kernel, kernel)
    assert packed.dtype == np.uint8
    np.testing.assert_array_equal(unpack_weights(packed, channels), bits)


@pytest.mark.parametrize("packed", [np.zeros(3, np.uint8), np.zeros(2, np.int8)])
def test_wrong_bytes_are_refused(packed: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected 2 uint8 for 16 channels"):
        unpack_bits(packed, 16)
