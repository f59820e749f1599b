# SPDX-License-Identifier: Apache-2.0
"""The shipped integer networks are those of the shipped weights, calibrated on frames that are named here."""

from __future__ import annotations

from pathlib import Path

import pytest

from biisnet.model import PRESETS, shipped_integers
from biisnet.tools.integer import Frames, integer_model
from biisnet.tools.models import known_model

FRAMES = 24


@pytest.mark.parametrize("preset", PRESETS)
def test_calibrated_on_frames_of_sirst(preset: str, images: list[Path]) -> None:
    """Fails where the quantiser or the weights changed, and the files that come with the package did not."""
    path = shipped_integers(preset)
    assert path is not None
    said: list[str] = []
    made = integer_model(known_model(preset, None), Frames(images[0].parent, FRAMES), None, said.append)
    assert f"calibrated on {FRAMES} frames of " in said[0]
    assert made.data == path.read_bytes()
