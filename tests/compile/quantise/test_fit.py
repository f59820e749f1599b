# SPDX-License-Identifier: Apache-2.0
"""Constants: each map is within rounding of its real value, they fit, and no smaller step would do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from biisnet.compile.quantise.calibrate import Calibration
from biisnet.compile.quantise.fit import GROW, fit, largest, rounded, unfit
from biisnet.compile.quantise.float_to_integer import lowered, sizes_at
from biisnet.compile.quantise.maps import Map, Requantised
from biisnet.compile.quantise.structure import find_structure
from biisnet.ops.rounding import MOST

from .networks import frames, u_network

CLOSE = 0.75
"""Steps, root mean square: 0.29 is what rounding to whole steps alone makes; multipliers and knees are rounded too."""


class Kept(Calibration):
    """A calibration that looks at each map when it is new."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.errors: dict[str, float] = {}
        self.means: dict[str, float] = {}

    def compute(self, new: Map, frame: int) -> np.ndarray:
        found = super().compute(new, frame)
        if isinstance(new, Requantised) and new.bits == 8:
            self.look(new, found, frame)
        return found

    def look(self, new: Requantised, found: np.ndarray, frame: int) -> None:
        real = sum(t.real(self, frame) for t in new.sum.terms) + new.sum.offset[:, None, None]
        step = self.fitted[new].sigma[:, None, None]
        error = (step * (found + 0.5) - real) / step
        whole = (found > -128) & (found < 127)
        self.errors[new.name] = float(np.sqrt((error[whole] ** 2).mean()))
        self.means[new.name] = np.abs(np.where(whole, error, 0).mean((1, 2))).max()


@pytest.fixture(scope="module")
def calibration() -> Kept:
    model, images = u_network(), frames(1, 24, 24)
    made = Kept(find_structure(lowered(model, (25, 25)), "net"), images, sizes_at(model, (24, 24)))
    made.run()
    return made


def test_maps_are_what_they_stand_for(calibration: Kept) -> None:
    """Teacher-forced: given the integers before it, each map is within rounding of the float layer's value."""
    bytes_ = [m for m in calibration.fitted if m.bits == 8]
    assert set(calibration.errors) == {m.name for m in bytes_}
    assert max(calibration.errors.values()) < CLOSE, calibration.errors
    assert max(calibration.means.values()) < 0.2, calibration.means


def test_constants_fit(calibration: Kept) -> None:
    for new, fitted in calibration.fitted.items():
        assert isinstance(new, Requantised)
        assert np.abs(fitted.b + 0.5).max() < 1 << 15
        assert fitted.b.dtype == np.int32
        assert all(c.dtype == np.int8 for constants in fitted.constants for c in constants.values())
        assert not unfit(new, fitted.constants, fitted.b.astype(np.float64)).any()


def test_no_smaller_step_would_do(calibration: Kept) -> None:
    """Of each channel either the largest value takes the whole byte, or a gain does, or a sum the 16 bits."""
    (first,) = (m for m in calibration.fitted if m.name == "embedding")
    assert isinstance(first, Requantised)
    fitted = fit(first, calibration)
    (prepared,) = (t.prepared(calibration) for t in first.sum.terms)
    (term,) = first.sum.terms
    span = np.abs(term.real(calibration, 0) + first.sum.offset[:, None, None]).max((1, 2))
    by_range, by_gain = span / 127.5, largest(prepared.gains["w"]) * 2.0**fitted.shift / MOST
    grown = fitted.sigma > np.maximum(by_range, by_gain) * 1.0001
    assert grown.any()
    np.testing.assert_allclose(fitted.sigma[~grown], np.maximum(by_range, by_gain)[~grown])
    smaller = rounded(prepared, fitted.shift, fitted.sigma / GROW)
    assert unfit(first, (smaller,), fitted.b * GROW)[grown].all()
