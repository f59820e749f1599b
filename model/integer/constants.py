# SPDX-License-Identifier: Apache-2.0
"""Constants of one stored map of an integer network, as the compiler's calibration chose them. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class MapConstants:
    """A map is saturate((sum of terms + b) >> shift); a byte u of it stands for sigma * (u + 1/2)."""

    name: str
    bits: int
    """8, of the logits 16."""
    shift: int
    sigma: npt.NDArray[np.float64]
    """[C]."""
    b: npt.NDArray[np.int32]
    """[C]."""
    terms: tuple[Mapping[str, npt.NDArray[Any]], ...]
    """The bytes of each term, by their names: n, p of slopes, a, b, k of a hinge, w of grey levels."""
