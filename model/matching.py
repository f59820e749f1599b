# SPDX-License-Identifier: Apache-2.0
"""When a detection is of a target, as the field counts it. No SciPy here, which metrics need."""

from __future__ import annotations

DISTANCE = 3.0
"""Pixels between centroids, less than which a target is found."""
