# SPDX-License-Identifier: Apache-2.0
"""The integer network in PyTorch, so that it can be trained: every rounding of it, with a gradient straight through.

Values are whole numbers in float32, below 2**24, and so exact in whatever order they are added up. Steps and biases are
the compiler's: its calibration is handed over as `MapConstants`, map by map. All else follows from the network's
parameters as they are now.
"""

from __future__ import annotations

from .constants import MapConstants
from .network import IntegerNetwork, refuse_scheme
from .scales import MapScale

__all__ = ["IntegerNetwork", "MapConstants", "MapScale", "refuse_scheme"]
