# SPDX-License-Identifier: Apache-2.0
"""Thresholds of bytes: exactly the bytes whose real value is at least the float network's threshold."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.quantise.calibrate import byte_thresholds
from biisnet.compile.quantise.integer_forms import has_threshold
from biisnet.compile.quantise.maps import Requantised, Sum, View
from biisnet.compile.quantise.slopes import Slope

BYTES = np.arange(-128, 128)
SLOPES = st.sampled_from([-2.0, -0.5, 0.0, 0.5, 2.0])


@given(
    SLOPES, SLOPES, st.sampled_from([-300.0, -20.0, -0.5, 0.0, 0.25, 20.0, 300.0]), st.sampled_from([0.01, 1.0, 7.0])
)
@settings(max_examples=200, deadline=None)
def test_byte_thresholds(negative: float, positive: float, threshold: float, sigma: float) -> None:
    source = Requantised("x", 1, Sum((), np.zeros(1)))
    slope = Slope(View.of(source), np.array([negative]), np.array([positive]))
    if not has_threshold(slope, np.array([threshold])):
        assert negative * positive < 0
        return
    (first,), (flipped,) = byte_thresholds(slope, np.array([sigma]), np.array([threshold]))
    x = sigma * (BYTES + 0.5)
    wanted = np.where(x < 0, negative * x, positive * x) >= threshold
    np.testing.assert_array_equal((first <= BYTES) != flipped, wanted)
    assert -128 <= first <= 128
