# SPDX-License-Identifier: Apache-2.0
"""Float32: values as they are, or scaled and shifted; and how much they may differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.kernels import Load
from biisnet.compile.storage import Comparison, Float32
from biisnet.compile.storage.float32 import TOLERANCE, relative_error
from biisnet.targets.cores import CORTEX_A72

from .maps import EDGES, numbers

LAW = settings(max_examples=100, deadline=None)


@LAW
@given(channels=st.sampled_from(EDGES), width=st.sampled_from(EDGES), seed=st.integers(0, 2**32 - 1))
def test_plain_values(channels: int, width: int, seed: int) -> None:
    """Fails where a number is changed on its way to memory and back."""
    x, encoding = numbers(np.random.default_rng(seed), (channels, 2, width)), Float32()
    assert encoding.is_plain
    assert encoding.planes(channels) == channels
    for step in (encoding.encode, encoding.decode, encoding.pack):
        found = step(x)
        assert found is not None
        assert found.tobytes() == x.tobytes()
    assert encoding.unpack(encoding.pack(x), channels).tobytes() == x.tobytes()


@LAW
@given(channels=st.sampled_from(EDGES), width=st.sampled_from(EDGES), seed=st.integers(0, 2**32 - 1))
def test_scale_and_shift(channels: int, width: int, seed: int) -> None:
    """Fails where a channel is stored in another one's scale, or a scaled map is taken for the values."""
    rng = np.random.default_rng(seed)
    scale, shift = rng.standard_normal((2, channels)).astype(np.float32)
    x, encoding = numbers(rng, (channels, 2, width)), Float32(scale, shift)
    assert not encoding.is_plain
    with np.errstate(all="ignore"):
        stored = encoding.encode(x)
        for c in range(channels):
            np.testing.assert_array_equal(stored[c], scale[c] * x[c] + shift[c])
    assert encoding.decode(stored) is None
    np.testing.assert_array_equal(encoding.unpack(encoding.pack(stored), channels), stored)


@pytest.mark.parametrize("channels", EDGES)
def test_a_plane_a_channel(channels: int) -> None:
    """Fails where numbers cut or hold together what is computed together, or cost arithmetic."""
    encoding = Float32()
    assert [encoding.plane(channels, c) for c in range(channels)] == list(range(channels))
    assert encoding.cuts(channels) == set()
    assert all(encoding.joins(channels, c) for c in range(channels))
    assert CORTEX_A72.issue
    assert encoding.slots(Load(channels, Buffer("x", "x", channels, 1, 1)), CORTEX_A72.issue) == 0
    assert encoding.itemsize == 4


def test_other_types_become_float32() -> None:
    """Fails where memory has elements of another size than kernels read."""
    packed = Float32().pack(np.arange(6, dtype=np.float64).reshape(1, 2, 3))
    assert packed.dtype == np.float32
    np.testing.assert_array_equal(packed.ravel(), range(6))


def test_unpacked_memory_may_be_written() -> None:
    """Fails where a test or a check that changes what it fetched changes, or may not change, the memory's view."""
    planes = np.frombuffer(np.zeros(4, np.float32).tobytes(), np.float32).reshape(1, 2, 2)
    found = Float32().unpack(planes, 1)
    found[:] = 1
    assert not planes.any()


def test_silence_is_zero() -> None:
    """Fails where a residual is added to accumulators that are to be read."""
    x = np.random.default_rng(0).standard_normal((3, 2, 5)).astype(np.float32)
    silent = Float32(np.ones(3, np.float32), np.ones(3, np.float32)).silence(x)
    assert silent.dtype == np.float32
    assert silent.shape == x.shape
    assert not silent.any()


def test_draw() -> None:
    """Fails where candidates are measured on maps that are all alike, or not the same each time."""
    first, again = (Float32().draw((9, 20, 30), np.random.default_rng(0)) for _ in range(2))
    assert first.dtype == np.float32
    assert 0.9 < first.std() < 1.1
    np.testing.assert_array_equal(first, again)


def test_comparison_is_of_the_stored_form() -> None:
    """Fails where a scaled map is compared with unscaled values; `own` says nothing of numbers."""
    encoding = Float32(np.array([2], np.float32), np.array([3], np.float32))
    reference = np.array([[[1, 2]]], np.float32)
    bound = np.full_like(reference, 4)
    assert encoding.compare(2 * reference + 3, reference, bound, None) == Comparison(0.0, 0)
    assert encoding.compare(2 * reference + 4, reference, bound, None) == Comparison(0.25, 0)
    assert encoding.compare(2 * reference + 4, reference, bound, 2 * reference + 4) == Comparison(0.25, 0)
    assert encoding.compare(reference, reference, bound, reference).error > TOLERANCE


def test_relative_error() -> None:
    ones = np.ones((1, 2, 2), np.float32)
    assert relative_error(ones, ones, ones) == 0
    assert relative_error(ones * np.float32(1.25), ones, ones) == 0.25
    two = np.stack([ones[0], 2 * ones[0]])
    assert relative_error(np.stack([ones[0], 3 * ones[0]]), two, two) == 0.5
    assert relative_error(ones * np.float32(1.25), ones, 5 * ones) == 0.05  # of what was summed, not of what is left
    nan = ones.copy()
    nan[0, 0, 0] = np.nan
    assert relative_error(nan, ones, ones) == np.inf
    assert relative_error(nan, nan, ones) == 0
