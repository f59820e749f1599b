# SPDX-License-Identifier: Apache-2.0
"""Float network -> integer network, calibrated, with the proof that no sum can overflow."""

from .calibrate import Calibration
from .float_to_integer import calibrate, is_integer, quantise, refuse_integer
from .proof import Proof, prove

__all__ = ["Calibration", "Proof", "calibrate", "is_integer", "prove", "quantise", "refuse_integer"]
