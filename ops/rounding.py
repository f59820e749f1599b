# SPDX-License-Identifier: Apache-2.0
"""Rounding to bytes, as calibration and training have to agree on it."""

MOST = 127.49
"""The largest number that is rounded to a byte."""
