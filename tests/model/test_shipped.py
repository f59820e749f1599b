# SPDX-License-Identifier: Apache-2.0
"""The shipped files are those that their card tells of."""

import hashlib
from pathlib import Path

import pytest

from biisnet.model import PRESETS, shipped_integers, shipped_weights

CARDS = Path(__file__).parents[2] / "benchmarks" / "training"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_card_is_of_the_shipped_weights(preset: str) -> None:
    for path in (shipped_weights(preset), shipped_integers(preset)):
        assert path is not None
        assert hashlib.sha256(path.read_bytes()).hexdigest() in (CARDS / preset / "README.md").read_text()
